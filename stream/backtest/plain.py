"""A comparison as JSON has it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stream.alert import instant

if TYPE_CHECKING:
    from stream.backtest.comparison import Comparison, Side
    from stream.backtest.episode import Episode
    from stream.backtest.labelled import Labelled
    from stream.backtest.proportion import Proportion


def as_json(found: Comparison) -> dict[str, Any]:
    """A comparison for a program to read; times are RFC 3339 in UTC, losses text in the currency's own unit."""
    both = [{"old": _episode_as_json(one), "new": _episode_as_json(other)} for one, other in found.alerts.unchanged]
    return {
        "from": instant(found.period.begin_ms),
        "to": instant(found.period.end_ms),
        "days": found.period.days,
        "changes": [asdict(change) for change in found.changes],
        "old": _side_as_json(found.old),
        "new": _side_as_json(found.new),
        "added": [_episode_as_json(one) for one in found.alerts.added],
        "removed": [_episode_as_json(one) for one in found.alerts.removed],
        "unchanged": both,
        "newly_caught": found.newly_caught,
        "newly_missed": found.newly_missed,
    }


def _side_as_json(side: Side) -> dict[str, Any]:
    return {
        "alerts": side.alerts,
        "alerts_a_day": side.alerts_a_day,
        "busiest_day": side.busiest_day,
        "by_family": side.by_family,
        "held_back": side.run.held_back,
        "loss": {currency: str(loss) for currency, loss in side.loss.items()},
        "labelled": None if side.labelled is None else _labelled_as_json(side.labelled),
        "summary": asdict(side.run.summary),
    }


def _labelled_as_json(labelled: Labelled) -> dict[str, Any]:
    return {
        "precision": _proportion_as_json(labelled.precision),
        "recall": _proportion_as_json(labelled.recall),
        "loss_minor": labelled.loss_minor,
        "loss_caught_minor": labelled.loss_caught_minor,
        "delay_seconds": labelled.delay_seconds,
        "caught": sorted(labelled.caught),
        "missed": sorted(labelled.missed),
    }


def _proportion_as_json(one: Proportion) -> dict[str, Any]:
    return {"hits": one.hits, "n": one.n, "share": one.share, "low": one.low, "high": one.high}


def _episode_as_json(one: Episode) -> dict[str, Any]:
    return {
        "fingerprint": one.fingerprint,
        "kind": one.kind,
        "severity": one.severity,
        "entity": one.entity,
        "fired_at": instant(one.fired_ms),
        "ended_at": instant(one.ended_ms),
        "count": one.count,
        "loss": str(one.loss),
        "currency": one.currency,
        "summary": one.summary,
    }
