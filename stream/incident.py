"""A condition that holds, and what is told of it."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final, Literal

from config.policy import Answer
from models.budget import Claim, worth
from models.verdict import Verdict

Transition = Literal["firing", "update", "resolved"]

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
    claim: Claim
    count: int = 0
    loss_e4: int = 0
    order_ids: list[str] = field(default_factory=list)
    affected: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    n_notified: int = 0
    count_notified: int = 0
    notified_ms: int = 0
    was_held_back: bool = False

    @property
    def worth(self) -> float:
        """What telling it is worth, in decades."""
        return worth(self.head.score, self.count, self.loss_e4, self.answer.severity)

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


def draw_of(fingerprint: str, clock_ms: int) -> float:
    """A number in (0, 1) that says which of several equals goes first: another for each time a condition opens."""
    digest = hashlib.blake2b(f"{fingerprint}|{clock_ms}".encode(), digest_size=6).digest()
    return (int.from_bytes(digest, "big") + 0.5) / (1 << 48)


def id_of(incident: Incident, transition: str, at_ms: int) -> str:
    """The same for the same condition, transition and minute, whoever computes it and however often."""
    identity = f"{incident.fingerprint}|{transition}|{at_ms // _PANE_MS}"
    return hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
