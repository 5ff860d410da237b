"""What every rule must keep to, as code that runs: in the tests, and in a notebook on a rule just written.

>>> from models.rules.oversold import Oversold
>>> check_rule(Oversold)
>>> [(hit.entity, hit.observed) for hit in hits_of(Oversold(), [examples.stock(available=-2)])]
[('S1', -2.0)]
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

import numpy as np

from config.promotions import PromotionRegister
from config.registry import discover
from config.sections import Family
from config.settings import Settings, load
from features.feature import Feature
from features.partition import Partition
from features.read import read
from features.tabulate import tabulate
from models import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from features.batch import F64, Batch
    from models.finding import Findings
    from models.rule import Example, Rule

_KIND: Final = re.compile(rf"({'|'.join(get_args(Family))})\.[a-z]+(_[a-z]+)*")
_LAG: Final = "arrived_seconds"
_ENTITY_TYPE: Final = re.compile(r"[a-z]+(_[a-z]+)*")


class ContractBroken(AssertionError):
    """A rule does not keep to its contract; the message names the rule, the example and what came out."""


class Hit(NamedTuple):
    """One row of `Findings` as plain values, `at` counted from the first event of the log; None for NaN."""

    at: int
    order_id: str
    time_ms: int
    entity: str
    observed: float | None
    low: float | None
    high: float | None
    loss_minor: int
    place: tuple[int, ...]


def hits_of(
    rule: Rule,
    events: Example,
    *,
    promotions: Mapping[str, Any] | None = None,
    cuts: Iterable[int] = (),
) -> list[Hit]:
    """Lead contract events through a fresh partition into a rule, and return all that it finds.

    `promotions` is a register in the contract's shape, else the one of the rule's examples. `cuts` are the
    places where the log is cut into batches; none: it is one batch. Default settings,
    and no features but those that the rule reads.
    """
    partition = partition_for(rule, promotions=promotions)
    hits: list[Hit] = []
    for start, stop in pairwise(sorted({0, len(events), *cuts})):
        hits += rows_of(rule.check(prepared(partition, events[start:stop])), start)
    return hits


def partition_for(*rules: Rule, promotions: Mapping[str, Any] | None = None) -> Partition:
    """Make a fresh partition and bind the rules to it."""
    partition = Partition(_settings(), _features(rules))
    for rule in rules:
        register = promotions if promotions is not None else rule.PROMOTIONS or {"promotions": []}
        rule.bind(PromotionRegister.parse(register), partition.spaces)
    return partition


def _features(rules: Iterable[Rule]) -> dict[str, Feature]:
    """New ones of the features that some rules read, with the parameters of their classes."""
    known = discover("features.columns", Feature)
    return {name: known[name]() for rule in rules for name in rule.reads}


@cache
def _settings() -> Settings:
    return load()


def prepared(partition: Partition, events: Example) -> Batch:
    """Contract events as the batch that a rule is given.

    One that names `arrived_seconds` came into the log so long after it happened.
    """
    batch = tabulate(read([examples.encoded(dict(event)) for event in events]).tables)
    if any(_LAG in event for event in events):
        lag_ms = np.array([event.get(_LAG, np.nan) for event in events]) * 1000.0
        batch.arrived_ms = np.where(np.isnan(lag_ms), -1, batch.time_ms + np.nan_to_num(lag_ms)).astype(np.int64)
    partition.transform(batch)
    return batch


def rows_of(findings: Findings, start: int = 0) -> list[Hit]:
    """The findings of a batch that begins at position `start` of its log."""
    columns = zip(
        (findings.at + start).tolist(),
        findings.order_id,
        findings.time_ms.tolist(),
        findings.entity,
        _known(findings.observed),
        _known(findings.low),
        _known(findings.high),
        findings.loss_minor.tolist(),
        [tuple(row) for row in findings.place.tolist()],
        strict=True,
    )
    return [Hit(*row) for row in columns]


def _known(values: F64) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]


def check_is_described(rule_class: type[Rule]) -> None:
    """A kind of the catalogue, an entity type, a docstring with every parameter, examples of both sorts."""
    name, text = rule_class.__name__, inspect.getdoc(rule_class) or ""
    _hold(_KIND.fullmatch(rule_class.kind), f"{name}.kind is {rule_class.kind!r}: must be family.name")
    _hold(_ENTITY_TYPE.fullmatch(rule_class.entity_type), f"{name}.entity_type is {rule_class.entity_type!r}")
    _hold(rule_class.FIRES and rule_class.QUIET, f"{name}: needs an example in FIRES and one in QUIET")
    _hold("__doc__" in vars(rule_class) and text, f"{name}: has no docstring of its own")
    for parameter in inspect.signature(rule_class).parameters:
        _hold(re.search(rf"^{parameter}$", text, re.MULTILINE), f"{name}: docstring lacks {parameter}")


def check_fires(rule_class: type[Rule]) -> None:
    """Each example of FIRES is found in its last event, and in no event before."""
    for i, events in enumerate(rule_class.FIRES):
        found_at, last = [hit.at for hit in hits_of(rule_class(), events)], len(events) - 1
        _hold(found_at == [last], f"{rule_class.__name__}.FIRES[{i}]: found at {found_at}, must be [{last}]")


def check_is_quiet(rule_class: type[Rule]) -> None:
    """No example of QUIET is found."""
    for i, events in enumerate(rule_class.QUIET):
        hits = hits_of(rule_class(), events)
        _hold(not hits, f"{rule_class.__name__}.QUIET[{i}]: found {hits}")


def check_cuts_do_not_show(rule_class: type[Rule]) -> None:
    """Event by event gives what one batch gives."""
    for name, events in _examples(rule_class):
        whole = hits_of(rule_class(), events)
        single = hits_of(rule_class(), events, cuts=range(len(events)))
        _hold(whole == single, f"{name}: {whole} in one batch, {single} one by one")


def check_holds_no_state(rule_class: type[Rule]) -> None:
    """Asked again, it says the same again, and the batch stays as it was."""
    for name, events in _examples(rule_class):
        rule = rule_class()
        batch = prepared(partition_for(rule), events)
        before = _text(batch)
        first, again = rows_of(rule.check(batch)), rows_of(rule.check(batch))
        _hold(first == again, f"{name}: {first}, then {again}")
        _hold(_text(batch) == before, f"{name}: the batch was changed")


def check_findings_hang_together(rule_class: type[Rule]) -> None:
    """What `hold_together` asks for, of all that is found in the examples."""
    for name, events in _examples(rule_class):
        rule = rule_class()
        batch = prepared(partition_for(rule), events)
        hold_together(rule.check(batch), batch, name)


CHECKS: Final[tuple[Callable[[type[Rule]], None], ...]] = (
    check_is_described,
    check_fires,
    check_is_quiet,
    check_cuts_do_not_show,
    check_holds_no_state,
    check_findings_hang_together,
)
"""Every check of a rule's class."""


def check_rule(rule_class: type[Rule]) -> None:
    """Run all of `CHECKS`; raises ContractBroken at the first thing that is wrong."""
    for check in CHECKS:
        check(rule_class)


def hold_together(findings: Findings, batch: Batch, name: str) -> None:
    """Raise ContractBroken unless a batch's findings are of one length, about its events, and numbers.

    At most one finding an event, order and entity; what is observed is finite and outside the expected range;
    money lost is never below 0.
    """
    hits = rows_of(findings)  # refuses columns of different lengths
    _hold(len(hits) == len(findings), f"{name}: {len(hits)} rows, {len(findings)} findings")
    _hold(len({(hit.at, hit.order_id, hit.entity) for hit in hits}) == len(hits), f"{name}: twice in {hits}")
    for hit in hits:
        _hold(0 <= hit.at < len(batch), f"{name}: {hit} is at no event of {len(batch)}")
        _hold(hit.entity, f"{name}: {hit} names no entity")
        _hold(_breaks_its_range(hit), f"{name}: {hit} is within what was expected")
        _hold(hit.loss_minor >= 0, f"{name}: {hit} has a loss below 0")


def _hold(condition: object, otherwise: str) -> None:
    if not condition:
        raise ContractBroken(otherwise)


def _examples(rule_class: type[Rule]) -> Iterator[tuple[str, Example]]:
    for group in ("FIRES", "QUIET"):
        for i, events in enumerate(getattr(rule_class, group)):
            yield f"{rule_class.__name__}.{group}[{i}]", events


def _breaks_its_range(hit: Hit) -> bool:
    if hit.observed is None or not np.isfinite(hit.observed):
        return False
    too_low = hit.low is not None and hit.observed < hit.low
    return too_low or (hit.high is not None and hit.observed > hit.high)


def _text(batch: Batch) -> str:
    with np.printoptions(threshold=1_000_000):
        return repr(batch)
