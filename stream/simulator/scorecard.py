"""Scores a run's alerts against its labels: caught, missed, how soon, and what was false."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.simulator.label import Label

GRACE_SECONDS: Final = 900.0
"""How long after an incident its alerts may still come: windows close and counts settle later."""
_ONE_THING: Final = frozenset({"order", "product", "sku", "customer", "seller", "promotion", "promotion_pair"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one label. The delay counts from its first sign, in event time and labelled orders."""

    label: Label
    caught: bool
    alert_id: str | None
    kind: str | None
    delay_seconds: float | None
    delay_orders: int | None
    notifications: int


@dataclass(frozen=True, slots=True)
class Raised:
    """A condition that was told, by the first alert about it."""

    id: str
    kind: str
    entity: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The summary of a run."""

    findings: tuple[Finding, ...]
    false_alerts: tuple[Raised, ...]
    """What no label explains."""
    true_alerts: tuple[Raised, ...] = ()
    """What catches a label, or is a consequence of one."""

    @property
    def caught(self) -> int:
        """Labels that an alert of their family caught."""
        return sum(finding.caught for finding in self.findings)

    @property
    def missed(self) -> int:
        """Labels that no alert caught."""
        return len(self.findings) - self.caught

    def false_by_family(self) -> dict[str, int]:
        """False alerts by the family of their kind."""
        return dict(Counter(_family(alert.kind) for alert in self.false_alerts))


@dataclass(frozen=True, slots=True)
class _Sign:
    """What scoring needs of an alert's CloudEvent."""

    id: str
    kind: str
    fingerprint: str
    entity_type: str
    entity_key: str
    starts_ms: int
    time_ms: int
    order_ids: frozenset[str]

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> _Sign:
        data = event["data"]
        time_ms = _milliseconds(event["time"])
        window = data.get("window") or {}
        starts = [_milliseconds(text) for text in (data.get("startsAt"), window.get("start")) if text]
        entity = data.get("entity") or {}
        return cls(
            id=event["id"],
            kind=data["kind"],
            fingerprint=data.get("fingerprint") or event["id"],
            entity_type=str(entity.get("type", "")),
            entity_key=str(entity.get("key", "")),
            starts_ms=min([time_ms, *starts]),
            time_ms=time_ms,
            order_ids=frozenset(data.get("order_ids") or ()),
        )


Catches = Callable[["Label", str, int], bool]
"""Whether an alert of a kind, told at a time, catches a label that it belongs to."""


def by_family(label: Label, kind: str, time_ms: int) -> bool:  # noqa: ARG001  # the form of every such rule
    """Whenever it is told, an alert of one of the label's families."""
    return _family(kind) in label.families


def score_run(
    labels: Iterable[Label],
    alerts: Iterable[Mapping[str, Any]],
    *,
    grace_seconds: float = GRACE_SECONDS,
    catches: Catches = by_family,
) -> Scorecard:
    """Score `alerts` (the contract's CloudEvents, any order) against `labels`; only firing ones count.

    An alert belongs to a label if it names one of its orders, or its very entity, or if it is about many
    orders (a channel, a carrier, everything), is of a family that the label expects, and falls into its time
    or `grace_seconds` after it. It catches the label if its family is one of `label.kinds`. It is false if it
    belongs to none; a condition that fires again under the same fingerprint counts once.
    """
    known = list(labels)
    signs = sorted(
        (_Sign.read(alert) for alert in alerts if alert["data"]["status"] == "firing"),
        key=lambda sign: (sign.time_ms, sign.id),
    )
    grace_ms = round(grace_seconds * 1_000)
    belongs = [[_belongs(sign, label, grace_ms) for label in known] for sign in signs]
    findings = tuple(
        _finding(label, [sign for sign, row in zip(signs, belongs, strict=True) if row[i]], catches)
        for i, label in enumerate(known)
    )
    stray = [sign for sign, row in zip(signs, belongs, strict=True) if not any(row)]
    explained = [sign for sign, row in zip(signs, belongs, strict=True) if any(row)]
    return Scorecard(findings, _conditions(stray), _conditions(explained))


def _finding(label: Label, signs: list[_Sign], catches: Catches) -> Finding:
    catching = [sign for sign in signs if catches(label, sign.kind, sign.time_ms)]
    if not catching:
        return Finding(label, False, None, None, None, None, len(signs))
    first = catching[0]
    delay_ms = max(0, first.time_ms - label.starts_at_ms)
    seen = bisect_right(label.shows_ms, first.time_ms) if label.order_ids else None
    return Finding(label, True, first.id, first.kind, delay_ms / 1_000, seen, len(catching))


def _belongs(sign: _Sign, label: Label, grace_ms: int) -> bool:
    if not sign.order_ids.isdisjoint(label.order_ids):
        return True
    if sign.time_ms < label.starts_at_ms or sign.starts_ms > label.ends_at_ms + grace_ms:
        return False
    if f"{sign.entity_type}/{sign.entity_key}" == label.entity or (
        sign.entity_type in _ONE_THING and sign.entity_key == label.entity.partition("/")[2]
    ):
        return True
    expected = _family(sign.kind) in label.families or _family(sign.kind) in label.also
    return expected and sign.entity_type not in _ONE_THING


def _conditions(signs: list[_Sign]) -> tuple[Raised, ...]:
    """One for each fingerprint, in order of time."""
    first = {sign.fingerprint: sign for sign in reversed(signs)}
    ordered = sorted(first.values(), key=lambda sign: sign.time_ms)
    return tuple(Raised(sign.id, sign.kind, f"{sign.entity_type}/{sign.entity_key}", sign.time_ms) for sign in ordered)


def _family(kind: str) -> str:
    return kind.partition(".")[0]


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)
