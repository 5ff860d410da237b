"""Rules and detectors over one batch, and the few verdicts that come of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.batch import PLACES, Batch
from features.event import CREATED
from features.keys import Keys
from features.state import State, gathered, part_of, read_back, written
from models.calibration import Calibration
from models.detector import Detector
from models.finding import NOTHING, Findings
from models.fusion import fuse
from models.rule import Rule
from models.verdict import EXPLAINED_BY, INHIBITED_BY, Signal, Verdict, family_of
from models.watch import OrderWatch, Watch

RULE_SCORE = 1.0
_MODEL = "model"
_DIGITS_LATER = 2
"""Decimals of the losses that rules on later events give: those events name no currency."""


@dataclass(slots=True)
class _Raised:
    """One part's signal about one event, before signals are put together."""

    at: int
    order_id: str
    time_ms: int
    entity_type: str
    entity: str
    loss_minor: int
    place: Sequence[int]
    signal: Signal
    in_minor_units: bool


class Judge:
    """All rules and detectors of one partition.

    Parameters
    ----------
    partition
        The partition's number.
    rules, weights
        The rules that are on, by name, and how much the word of each counts.
    watches
        The detectors that are on.
    spaces
        The partition's key spaces.
    """

    def __init__(
        self,
        partition: int,
        rules: Mapping[str, Rule],
        weights: Mapping[str, float],
        watches: Sequence[Watch],
        spaces: Mapping[str, Keys],
    ) -> None:
        """Start with detectors that have seen nothing."""
        self._partition = partition
        self._rules = rules
        self._weights = weights
        self.watches = watches
        self._spaces = spaces

    def judge(self, batch: Batch) -> list[Verdict]:
        """Score the batch, learn it, and return what is abnormal in it, in the order of the log."""
        return self._verdicts(batch, [*self._broken_rules(batch), *self._abnormal(batch)])

    def judge_silence(self, batch: Batch) -> list[Verdict]:
        """What is wrong in a batch without events: the orders that became overdue."""
        return self._verdicts(batch, [*self._broken_rules(batch)])

    def serve(
        self, name: str, version: str, features: tuple[str, ...], detector: Detector, calibration: Calibration
    ) -> None:
        """Have a detector of many features go on as another model, `name@version`, from the next batch on."""
        for watch in self.watches:
            if watch.name == name and isinstance(watch, OrderWatch):
                watch.serve(version, features, detector, calibration)

    def get_state(self) -> State:
        """What the detectors have learned, and which model each serves; rules remember nothing."""
        return gathered({watch.name: watch.get_state() | {_MODEL: written(watch.version)} for watch in self.watches})

    def set_state(self, state: State) -> None:
        """Go on from the state of the same detectors; one that serves another model by now goes on as that came."""
        for watch in self.watches:
            own = part_of(state, watch.name)
            if read_back(own.pop(_MODEL), str) == watch.version:
                watch.set_state(own)

    def _verdicts(self, batch: Batch, raised: list[_Raised]) -> list[Verdict]:
        by_event: dict[tuple[int, str], list[_Raised]] = defaultdict(list)
        for one in raised:
            by_event[one.at, one.order_id].append(one)
        return [verdict for key in sorted(by_event) for verdict in self._conclude(batch, by_event[key])]

    def _broken_rules(self, batch: Batch) -> Iterator[_Raised]:
        for name, rule in self._rules.items():
            findings = rule.check(batch)
            if findings is not NOTHING and len(findings):
                yield from self._of_rule(name, rule, findings)

    def _of_rule(self, name: str, rule: Rule, findings: Findings) -> Iterator[_Raised]:
        for i, at in enumerate(findings.at.tolist()):
            signal = Signal(
                name, rule.kind, RULE_SCORE, self._weights[name],
                float(findings.observed[i]), float(findings.low[i]), float(findings.high[i]), is_rule=True,
            )  # fmt: skip
            yield _Raised(
                at, findings.order_id[i], int(findings.time_ms[i]), rule.entity_type, findings.entity[i],
                int(findings.loss_minor[i]), findings.place[i].tolist(), signal, rule.in_minor_units,
            )  # fmt: skip

    def _abnormal(self, batch: Batch) -> Iterator[_Raised]:
        for watch in self.watches:
            rows = watch.look(batch)
            if not len(rows):
                continue
            for row, at in zip(rows.tolist(), watch.event(batch, rows).tolist(), strict=True):
                observed, low, high, loss_minor = watch.seen(batch, row)
                score = float(watch.scores[row])
                signal = Signal(
                    watch.name, watch.kind, score, watch.weight, observed, low, high, is_rule=False,
                    version=watch.version,
                )  # fmt: skip
                yield _Raised(
                    at, batch.order_id[at], int(batch.time_ms[at]), watch.entity_type,
                    watch.entity(batch, row), loss_minor, batch.life.place[at].tolist(), signal, watch.in_minor_units,
                )  # fmt: skip

    def _conclude(self, batch: Batch, raised: list[_Raised]) -> Iterator[Verdict]:
        """One verdict a family, unless a likelier cause has spoken."""
        families: dict[str, list[_Raised]] = defaultdict(list)
        for one in raised:
            families[family_of(one.signal.kind)].append(one)
        speaking = families.keys() - _explained(raised)
        for family, members in families.items():
            if family in speaking and not INHIBITED_BY.get(family, frozenset()) & speaking:
                others = [one for name, rest in families.items() if name != family for one in rest]
                yield self._verdict(batch, members, others)

    def _verdict(self, batch: Batch, members: list[_Raised], others: list[_Raised]) -> Verdict:
        """Fuse the family's signals; what other families saw of the same order is told as a reason, too."""
        head = max(
            members,
            key=lambda one: (one.signal.is_rule, one.signal.score * one.signal.weight, one.loss_minor),
        )
        created = _created_row(batch, head)
        digits = int(batch.created.exponent[created]) if created >= 0 else _DIGITS_LATER
        evidence = [_in_units(one, digits) for one in (head, *(one for one in (*members, *others) if one is not head))]
        score, contributions = fuse([s.score for s in evidence], [s.weight for s in evidence])
        return Verdict(
            kind=head.signal.kind,
            score=score,
            entity_type=head.entity_type,
            entity=head.entity,
            time_ms=head.time_ms,
            clock_ms=int(batch.clock_ms[head.at]) if head.at >= 0 else batch.passed_ms,
            partition=self._partition,
            offset=int(batch.offset[head.at]) if head.at >= 0 else -1,
            signals=tuple(
                replace(signal, contribution=part) for signal, part in zip(evidence, contributions, strict=True)
            ),
            order_id=head.order_id,
            loss_e4=max(one.loss_minor for one in members) * 10 ** (4 - digits),
            currency=self._name("currency", head),
            segment=self._segment(batch, head, created),
        )

    def _name(self, dimension: str, raised: _Raised) -> str:
        row = raised.place[PLACES.index(dimension)]
        return self._spaces[dimension].names[row - 1] if row else ""

    def _segment(self, batch: Batch, head: _Raised, created: int) -> dict[str, str]:
        """Where the order came from, dimension by dimension."""
        segment = {dimension: self._name(dimension, head) for dimension in PLACES if dimension != "currency"}
        if created >= 0:
            given = (batch.discounts.order == created).nonzero()[0].tolist()
            segment["promotion"] = "+".join(sorted({batch.discounts.promotion[i] for i in given}))
        return {dimension: value for dimension, value in segment.items() if value}


def _explained(raised: list[_Raised]) -> set[str]:
    """Families of which all that was raised is a consequence of something else that was."""
    kinds = {one.signal.kind for one in raised}
    own = {kind for kind in kinds if not EXPLAINED_BY.get(kind, frozenset()) & kinds}
    return {family_of(kind) for kind in kinds} - {family_of(kind) for kind in own}


def _created_row(batch: Batch, raised: _Raised) -> int:
    """Row in `batch.created` of the order that a signal is about, -1 when it is about a later event."""
    at = raised.at
    if at < 0 or batch.kind[at] != CREATED or batch.order_id[at] != raised.order_id:
        return -1
    return int(np.searchsorted(batch.created.at, at))


def _in_units(raised: _Raised, digits: int) -> Signal:
    """The signal as a person reads it: amounts in whole units of the currency."""
    if not raised.in_minor_units:
        return raised.signal
    scale, signal = 10.0**digits, raised.signal
    return replace(signal, observed=signal.observed / scale, low=signal.low / scale, high=signal.high / scale)
