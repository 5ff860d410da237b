"""The numbers of an event that may be what is wrong: pieces, prices, the total, a payment, a stock level, a time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from features.batch import F64, I64, Batch
from features.money import NOT_GIVEN
from models.order_change import with_latency, with_payment, with_price, with_quantity, with_stock, with_total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from features.event_tables import Lines
    from models.case import Case
    from models.verdict import Signal

_MOST_LINES: Final = 3
_ROUNDING: Final = 1e-3


class Knob(NamedTuple):
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


def knobs(case: Case) -> Iterator[Knob]:
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


def _order_knobs(case: Case) -> Iterator[Knob]:
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
    case: Case,
    name: str,
    value: F64 | I64,
    least: int,
    change: Callable[[int], Batch | None],
    *,
    digits: int = 0,
    unit: str = "",
) -> Knob:
    hints = [hint for signal in case.verdict.signals for hint in _hints(signal, digits)]
    hints += [int(cost) for cost in case.one.lines.unit_cost_minor.tolist() if cost != NOT_GIVEN]
    head, scale = case.verdict.signals[0], 10.0**digits
    is_observed = abs(head.observed * scale - value[0]) < 1.0
    low = head.low * scale - _ROUNDING if is_observed and not np.isnan(head.low) else -np.inf
    high = head.high * scale + _ROUNDING if is_observed and not np.isnan(head.high) else np.inf
    return Knob(name, int(value[0]), least, low, high, hints, change, digits, unit)


def _hints(signal: Signal, digits: int) -> Iterator[int]:
    """Where the expected range begins, ends, and has its middle."""
    bounds = [bound * 10.0**digits for bound in (signal.low, signal.high) if abs(bound) < 1e15]  # noqa: PLR2004  # and no NaN
    yield from (round(bound) for bound in bounds)
    if len(bounds) == 2 and bounds[0] > 0:  # noqa: PLR2004  # a range has two
        yield round((bounds[0] * bounds[1]) ** 0.5)
