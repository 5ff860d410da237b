"""Verdicts -> transitions: one alert a condition, updated while it grows, resolved when it is over.

A condition is a fingerprint: kind, entity type and entity. Its first verdict (its `min_count`-th, where the
policy asks for more) fires. It is updated each time it has become `_GROWTH` times as large, never within the
cooldown. It is resolved when no verdict has come for `resolve_after_seconds`. A condition that comes back
within the cooldown of its last notification goes on in silence until that is over.

All of it runs in event time along the merged log, so the same log gives the same transitions, whenever and
in whatever pieces it is read.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from config.policy import Answer
from config.sections import AlertSettings
from models.verdict import Verdict
from stream.inhibition import Condition, is_muted

Transition = Literal["firing", "update", "resolved"]

_GROWTH: Final = 20
_PANE_MS: Final = 60_000


def fingerprint_of(verdict: Verdict) -> str:
    """Stable identity of the condition that a verdict is a sign of."""
    identity = f"{verdict.kind}\x1f{verdict.entity_type}\x1f{verdict.entity}"
    return hashlib.blake2b(identity.encode(), digest_size=12).hexdigest()


@dataclass(slots=True)
class Incident:
    """A condition that holds."""

    fingerprint: str
    head: Verdict
    answer: Answer
    started_ms: int
    last_ms: int
    last_clock_ms: int
    count: int = 0
    loss_e4: int = 0
    order_ids: list[str] = field(default_factory=list)
    affected: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    n_notified: int = 0
    count_notified: int = 0
    notified_ms: int = 0

    def add(self, verdict: Verdict, max_order_ids: int) -> None:
        """Take in one more sign."""
        self.count += 1
        self.loss_e4 += verdict.loss_e4
        self.started_ms = min(self.started_ms, verdict.time_ms)
        self.last_ms = max(self.last_ms, verdict.time_ms)
        self.last_clock_ms = max(self.last_clock_ms, verdict.clock_ms)
        if verdict.score > self.head.score:
            self.head = verdict
        if verdict.order_id and len(self.order_ids) < max_order_ids and verdict.order_id not in self.order_ids:
            self.order_ids.append(verdict.order_id)
        for dimension, value in verdict.segment.items():
            self.affected[dimension][value] += 1


@dataclass(frozen=True, slots=True)
class Notification:
    """A transition of an incident, worth telling."""

    id: str
    transition: Transition
    incident: Incident
    clock_ms: int
    trigger: Verdict | None


class Incidents:
    """The conditions that hold, over the whole merged log.

    Parameters
    ----------
    settings
        Cooldown, time to resolve, and how many orders an alert names.
    answer_of
        The policy: kind -> answer.
    """

    def __init__(self, settings: AlertSettings, answer_of: Callable[[str], Answer]) -> None:
        """Start with no condition."""
        self._settings = settings
        self._answer_of = answer_of
        self._open: dict[str, Incident] = {}
        self._quiet_until_ms: dict[str, int] = {}
        self._next_end_ms: int | None = None

    def __len__(self) -> int:
        """Conditions that hold."""
        return len(self._open)

    def take(self, verdicts: Iterable[Verdict], upto_ms: int) -> Iterator[Notification]:
        """Take in verdicts in the order of the merged log, which has reached `upto_ms`.

        An incident goes on changing: write a notification down before asking for the next one.
        """
        for verdict in verdicts:
            yield from self._resolve(verdict.clock_ms)
            yield from self._join(verdict)
        yield from self._resolve(upto_ms)

    def _join(self, verdict: Verdict) -> Iterable[Notification]:
        fingerprint = fingerprint_of(verdict)
        incident = self._open.get(fingerprint)
        if incident is None:
            if self._is_explained(verdict):
                return
            answer = self._answer_of(verdict.kind)
            times = (verdict.time_ms, verdict.time_ms, verdict.clock_ms)
            incident = self._open[fingerprint] = Incident(fingerprint, verdict, answer, *times)
        incident.add(verdict, self._settings.max_order_ids)
        ends_ms = incident.last_clock_ms + self._resolve_after_ms(incident)
        self._next_end_ms = ends_ms if self._next_end_ms is None else min(self._next_end_ms, ends_ms)
        if self._is_worth_telling(incident, verdict.clock_ms):
            yield self._tell(incident, verdict)

    def _is_explained(self, verdict: Verdict) -> bool:
        told = [one.head for one in self._open.values() if one.n_notified]
        return is_muted(verdict, [Condition(one.kind, one.entity_type, one.entity) for one in told])

    def _is_worth_telling(self, incident: Incident, clock_ms: int) -> bool:
        if clock_ms < self._quiet_until_ms.get(incident.fingerprint, 0):
            return False
        if incident.n_notified == 0:
            return incident.count >= incident.answer.min_count
        # a window that stays odd is one condition, however many panes it lasts
        return incident.head.window_ms is None and incident.count >= _GROWTH * incident.count_notified

    def _tell(self, incident: Incident, verdict: Verdict) -> Notification:
        transition: Transition = "update" if incident.n_notified else "firing"
        name = f"update-{incident.n_notified}" if incident.n_notified else "firing"
        incident.n_notified += 1
        incident.count_notified = incident.count
        incident.notified_ms = verdict.clock_ms
        self._quiet_until_ms[incident.fingerprint] = verdict.clock_ms + self._cooldown_ms(incident)
        at_ms = verdict.window_ms[1] if verdict.window_ms else verdict.time_ms
        return Notification(_id(incident, name, at_ms), transition, incident, verdict.clock_ms, verdict)

    def _resolve(self, now_ms: int) -> list[Notification]:
        """End the conditions of which nothing was seen for long enough, in the order in which they ended."""
        if self._next_end_ms is None or now_ms < self._next_end_ms:
            return []
        ends = {fp: one.last_clock_ms + self._resolve_after_ms(one) for fp, one in self._open.items()}
        over = sorted((end_ms, fp) for fp, end_ms in ends.items() if end_ms <= now_ms)
        told = []
        for end_ms, fingerprint in over:
            incident = self._open.pop(fingerprint)
            if incident.n_notified:
                told.append(Notification(_id(incident, "resolved", end_ms), "resolved", incident, end_ms, None))
        self._next_end_ms = min((end_ms for fp, end_ms in ends.items() if fp in self._open), default=None)
        self._quiet_until_ms = {fp: until for fp, until in self._quiet_until_ms.items() if until > now_ms}
        return told

    def _resolve_after_ms(self, incident: Incident) -> int:
        return int((incident.answer.resolve_after_seconds or self._settings.resolve_after_seconds) * 1000)

    def _cooldown_ms(self, incident: Incident) -> int:
        return int((incident.answer.cooldown_seconds or self._settings.cooldown_seconds) * 1000)


def _id(incident: Incident, transition: str, at_ms: int) -> str:
    """The same for the same condition, transition and minute, whoever computes it and however often."""
    identity = f"{incident.fingerprint}|{transition}|{at_ms // _PANE_MS}"
    return hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
