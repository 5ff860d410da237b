"""What would have been normal: the least that must change about an event, judged again before it is said.

An event is changed in one respect (a promotion left out, pieces, a price, the total, a payment, a stock level, a
stage's time), and what spoke of it is asked again: the rules of the verdict's kind by running them, the levels of its
family by the range that they expected. A change counts if all of them are content and it breaks no rule that was not
broken before. For a number, the bounds of what is normal are searched by bisection, and both are judged again.

A part that sums evidence over many events cannot be asked again, nor can a rule that reads such a feature: where one
gave the verdict nothing is said, and where one agreed it has no say.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from features.batch import F64, I64, Batch, Column
from features.money import NOT_GIVEN
from features.one_event import one_event
from models.order_change import (
    with_latency,
    with_payment,
    with_price,
    with_quantity,
    with_stock,
    with_total,
    without_promotion,
)
from models.verdict import Signal, Verdict, family_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from features.batch import Lines
    from models.outlier import Outlier
    from models.rule import Rule

_MOST: Final = 3
_MOST_LINES: Final = 3
_STEPS: Final = tuple(4**k for k in range(1, 11))
"""How far from its value a number is looked at, in times."""
_SPREADS: Final = 4.0  # a range is the level with so many spreads on either side (`features.robust_level`)
_SAME: Final = 1e-6
_ROUNDING: Final = 1e-3
_E4_DIGITS: Final = 4


class _Knob(NamedTuple):
    """One number of an event: what it is called, what it is, what an event with another one would be.

    `least` : the smallest that it can be. `low`, `high` : where the verdict is about this very number, the range that
    it expected.
    """

    name: str
    value: int
    least: int
    low: float
    high: float
    hints: list[int]
    change: Callable[[int], Batch | None]
    digits: int = 0
    unit: str = ""


class _Case(NamedTuple):
    """An event that was judged abnormal, what spoke of it, and all that can be asked again.

    `levels` : by feature, the outlier that knows its range; `broken` : the rules that the event breaks as it is.
    """

    one: Batch
    verdict: Verdict
    spoke: list[Rule]
    far: list[Outlier]
    rules: dict[str, Rule]
    levels: dict[str, Outlier]
    broken: frozenset[str]


class Counterfactuals:
    """Searches what would have been normal.

    Parameters
    ----------
    rules
        The rules that are on, by name.
    outliers
        The outliers that are on, by name.
    """

    def __init__(self, rules: Mapping[str, Rule], outliers: Mapping[str, Outlier]) -> None:
        """Know the parts."""
        self._rules, self._outliers = rules, outliers

    def of(self, batch: Batch, at: int, verdict: Verdict) -> tuple[str, ...]:
        """What would have made the event at a position of the batch normal; at most three, the simplest first."""
        case = self._case(one_event(batch, at), verdict)
        if case is None:
            return ()
        for search in (_promotions, _numbers):
            if found := tuple(islice(search(case), _MOST)):
                return found
        return ()

    def _case(self, one: Batch, verdict: Verdict) -> _Case | None:
        levels = {part.feature: part for part in self._outliers.values() if _is_level(part, one)}
        rules = {name: rule for name, rule in self._rules.items() if levels.keys() >= set(rule.reads)}
        own = [signal.part for signal in verdict.signals if family_of(signal.kind) == family_of(verdict.kind)]
        spoke = [rules[name] for name in own if name in rules and rules[name].kind == verdict.kind]
        far = [part for part in (self._outliers.get(name) for name in own) if part is not None]
        far = [part for part in far if part.feature in levels]
        if own[0] not in rules and self._outliers.get(own[0]) not in far:
            return None
        case = _Case(one, verdict, spoke, far, rules, levels, frozenset(_broken(rules, one)))
        # one that is content with the event as it is spoke of something else, such as a deadline that passed
        return None if _is_content(case, one) else case


def _broken(rules: Mapping[str, Rule], one: Batch) -> Iterator[str]:
    return (name for name, rule in rules.items() if len(rule.check(one)))


def _is_content(case: _Case, changed: Batch | None) -> bool:
    """Whether none of the parts that spoke would speak again."""
    if changed is None:
        return False
    read = {part.feature for part in case.far}.union(*(rule.reads for rule in case.spoke))
    _follow(case, changed, read)
    if any(len(rule.check(changed)) for rule in case.spoke):
        return False
    return all(_is_usual(outlier, changed, case.verdict.entity) for outlier in case.far)


def _is_normal(case: _Case, changed: Batch | None) -> bool:
    """Whether all that spoke is content, and no other rule is broken by the change."""
    if changed is None or not _is_content(case, changed):
        return False
    _follow(case, changed, case.levels.keys())
    return case.broken.issuperset(_broken(case.rules, changed))


def _follow(case: _Case, changed: Batch, features: Collection[str]) -> None:
    """Let these features' columns follow the change."""
    if features:
        changed.columns = changed.columns | {name: _column(case.levels[name], changed) for name in features}


def _promotions(case: _Case) -> Iterator[str]:
    for name in sorted(set(case.one.discounts.promotion)):
        if _is_normal(case, without_promotion(case.one, name)):
            yield f"normal without promotion {name}"


def _numbers(case: _Case) -> Iterator[str]:
    for knob in _knobs(case):
        found = _bounds(knob, lambda changed: _is_content(case, changed))
        if found is not None and not _holds(case, knob, found):
            found = _bounds(knob, lambda changed: _is_normal(case, changed))
        if found is not None:
            yield f"normal if {knob.name} {_range(knob, *found)}"


def _holds(case: _Case, knob: _Knob, found: tuple[int | None, int | None]) -> bool:
    return all(_is_normal(case, knob.change(bound)) for bound in found if bound is not None)


def _column(outlier: Outlier, one: Batch) -> Column:
    """The level's column, with the deviations that its ranges give to what is observed now."""
    column = one.columns[outlier.feature]
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high, x = np.log(column.low), np.log(column.high), np.log(outlier.observed(one))
        return Column((x - (low + high) / 2) / ((high - low) / (2 * _SPREADS)), column.low, column.high, column.level)


def _is_level(outlier: Outlier, one: Batch) -> bool:
    """Whether its ranges alone give the deviations that the outlier was told of."""
    known = one.columns[outlier.feature].values
    return bool(np.isfinite(known).any()) and bool(
        np.allclose(_column(outlier, one).values, known, rtol=_SAME, atol=_SAME, equal_nan=True)
    )


def _is_usual(outlier: Outlier, changed: Batch, entity: str) -> bool:
    """Whether nothing is far off, and what the verdict is about lies in its range."""
    column, observed = changed.columns[outlier.feature], outlier.observed(changed)
    if np.count_nonzero(outlier.is_large(changed, column)):
        return False
    inside = (outlier.side == "low") | (observed <= column.high)
    inside &= (outlier.side == "high") | (observed >= column.low)
    return all(inside[row] or outlier.entity(changed, row) != entity for row in range(len(observed)))


def _knobs(case: _Case) -> Iterator[_Knob]:
    """The numbers of the event that may be what is wrong, the likeliest first."""
    one = case.one
    if len(one.created):
        yield from _order_knobs(case)
    elif len(one.payments.at) == 1:
        yield _knob(case, "the amount is", one.payments.amount_e4, 0, partial(with_payment, one), digits=4)
    elif len(one.stock.at) == 1:
        yield _knob(case, "available", one.stock.available, -(2**40), partial(with_stock, one))
    elif np.isfinite(one.life.latency_seconds[0]):
        yield _knob(case, "it takes", np.ceil(one.life.latency_seconds), 1, partial(with_latency, one), unit=" s")


def _order_knobs(case: _Case) -> Iterator[_Knob]:
    one, lines, digits = case.one, case.one.lines, int(case.one.created.exponent[0])
    rows = [i for i in range(len(lines.order)) if lines.product[i] == case.verdict.entity] or range(len(lines.order))
    for row in rows[:_MOST_LINES]:
        of = _line_name(lines, row)
        yield _knob(case, f"quantity{of}", lines.quantity[row : row + 1], 1, partial(with_quantity, one, row))
    for row in rows[:_MOST_LINES]:
        of = _line_name(lines, row)
        change = partial(with_price, one, row)
        yield _knob(case, f"price{of}", lines.price_minor[row : row + 1], 0, change, digits=digits)
    yield _knob(case, "total", one.created.total_minor, 0, partial(with_total, one), digits=digits)


def _line_name(lines: Lines, row: int) -> str:
    """Which line is meant, where an order has several: its product, or its sku where several are of one product."""
    if len(lines.order) == 1:
        return ""
    products = list(lines.product)
    return f" of {lines.product[row] if products.count(products[row]) == 1 else lines.sku[row]}"


def _knob(
    case: _Case,
    name: str,
    value: F64 | I64,
    least: int,
    change: Callable[[int], Batch | None],
    *,
    digits: int = 0,
    unit: str = "",
) -> _Knob:
    hints = [hint for signal in case.verdict.signals for hint in _hints(signal, digits)]
    hints += [int(cost) for cost in case.one.lines.unit_cost_minor.tolist() if cost != NOT_GIVEN]
    head, scale = case.verdict.signals[0], 10.0**digits
    is_observed = abs(head.observed * scale - value[0]) < 1.0
    low = head.low * scale - _ROUNDING if is_observed and not np.isnan(head.low) else -np.inf
    high = head.high * scale + _ROUNDING if is_observed and not np.isnan(head.high) else np.inf
    return _Knob(name, int(value[0]), least, low, high, hints, change, digits, unit)


def _hints(signal: Signal, digits: int) -> Iterator[int]:
    """Where the expected range begins, ends, and has its middle."""
    bounds = [bound * 10.0**digits for bound in (signal.low, signal.high) if abs(bound) < 1e15]  # noqa: PLR2004  # and no NaN
    yield from (round(bound) for bound in bounds)
    if len(bounds) == 2 and bounds[0] > 0:  # noqa: PLR2004  # a range has two
        yield round((bounds[0] * bounds[1]) ** 0.5)


def _bounds(knob: _Knob, is_normal: Callable[[Batch | None], bool]) -> tuple[int | None, int | None] | None:
    """The stretch of normal values that is nearest to the value; None: open on that side. None where there is none."""

    def good(value: int) -> bool:
        return value >= knob.least and knob.low <= value <= knob.high and is_normal(knob.change(value))

    ladder = [knob.value // step for step in _STEPS] + [knob.value * step for step in _STEPS] + [0, 1]
    tried = sorted(
        {value for value in (*knob.hints, *ladder) if value != knob.value}, key=lambda v: abs(v - knob.value)
    )
    found = next((value for value in tried if good(value)), None)
    if found is None:
        return None
    near = _edge(found, knob.value, good)
    way = 1 if found > knob.value else -1
    beyond = [near + way * max(abs(near), 1) * step for step in _STEPS]
    if way < 0:
        beyond = [max(value, knob.least) for value in beyond]
    bad = next((value for value in beyond if not good(value)), None)
    far = None if bad is None else _edge(near, bad, good)
    return (near, far) if way > 0 else (far, near)


def _edge(good_value: int, bad_value: int, good: Callable[[int], bool]) -> int:
    """The last good value on the way to a bad one."""
    while abs(bad_value - good_value) > 1:
        middle = (good_value + bad_value) // 2
        if good(middle):
            good_value = middle
        else:
            bad_value = middle
    return good_value


def _range(knob: _Knob, low: int | None, high: int | None) -> str:
    def shown(value: int) -> str:
        text = f"{value / 10**knob.digits:.{knob.digits}f}" if knob.digits else str(value)
        if knob.digits == _E4_DIGITS and text.endswith("00"):
            text = text[:-2]
        return text + knob.unit

    if low is not None and high is not None and low > knob.least:
        return f"= {shown(low)}" if low == high else f"between {shown(low)} and {shown(high)}"
    if high is not None:
        return f"<= {shown(high)}"
    return f">= {shown(low)}" if low is not None else "is another"
