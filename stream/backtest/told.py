"""A comparison in words: the sentence above it, and the rows of figures, as every form of the report shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from stream.backtest.run import shown

if TYPE_CHECKING:
    from stream.backtest.comparison import Comparison, Side
    from stream.backtest.episode import Episode
    from stream.backtest.labelled import Labelled

Figure = tuple[str, str, str]
"""What is counted, with the old settings, and with the new ones."""
_NONE: Final = "none"
_MINUTE_SECONDS: Final = 60
_MOVED_MS: Final = 60_000


def headline(found: Comparison) -> str:
    """The result in a sentence."""
    alerts = found.alerts
    return (
        f"alerts: {len(alerts.added):,} added, {len(alerts.removed):,} removed, {len(alerts.unchanged):,} unchanged, "
        f"from {shown(found.period.begin_ms)} until {shown(found.period.end_ms)} UTC ({found.period.days:.1f} days)"
    )


def figures(found: Comparison) -> list[Figure]:
    """Old beside new, line by line."""
    rows: list[tuple[str, Callable[[Side], str]]] = [
        ("alerts", lambda side: f"{side.alerts:,}"),
        ("alerts a day", lambda side: f"{side.alerts_a_day:.1f}"),
        ("alerts on busiest day", lambda side: f"{side.busiest_day:,}"),
        ("held back by the budget", lambda side: _counts(side.run.held_back)),
        ("loss named in alerts", lambda side: _losses(side.loss)),
    ]
    if found.old.labelled is not None:
        rows += [(name, _of_labels(tell)) for name, tell in _LABELLED]
    return [(name, tell(found.old), tell(found.new)) for name, tell in rows]


def moved(found: Comparison) -> str:
    """How many of the unchanged alerts came at another time."""
    shifts = [new.fired_ms - old.fired_ms for old, new in found.alerts.unchanged]
    sooner, later = sum(shift <= -_MOVED_MS for shift in shifts), sum(shift >= _MOVED_MS for shift in shifts)
    return f"of the unchanged, {sooner:,} came a minute or more sooner, {later:,} later"


def place(episode: Episode) -> tuple[str, str, str, str, str]:
    """One alert as a row: time, severity, kind, what it is about, and its sentence."""
    return shown(episode.fired_ms), episode.severity, episode.kind, episode.entity, episode.summary


def cut(episodes: Sequence[Episode], most: int) -> tuple[Sequence[Episode], str]:
    """The first `most`, and a word on those left out."""
    left = len(episodes) - most
    return episodes[:most], f"and {left:,} more" if left > 0 else ""


def _of_labels(tell: Callable[[Labelled], str]) -> Callable[[Side], str]:
    return lambda side: "" if side.labelled is None else tell(side.labelled)


def _delay(labelled: Labelled) -> str:
    seconds = labelled.delay_seconds
    return _NONE if seconds is None else f"{seconds / _MINUTE_SECONDS:.1f} min"


def _covered(labelled: Labelled) -> str:
    if not labelled.loss_minor:
        return _NONE
    share = labelled.loss_caught_minor / labelled.loss_minor
    return f"{100 * share:.0f} % ({labelled.loss_caught_minor / 100:,.2f} of {labelled.loss_minor / 100:,.2f})"


def _counts(by_family: dict[str, int]) -> str:
    return ", ".join(f"{family} {count:,}" for family, count in sorted(by_family.items())) or _NONE


def _losses(by_currency: dict[str, Decimal]) -> str:
    return ", ".join(f"{loss:,.2f} {currency}" for currency, loss in by_currency.items()) or _NONE


_LABELLED: Final[tuple[tuple[str, Callable[[Labelled], str]], ...]] = (
    ("precision, 95 % interval", lambda labelled: str(labelled.precision)),
    ("recall, 95 % interval", lambda labelled: str(labelled.recall)),
    ("median time to the alert", _delay),
    ("loss of caught incidents", _covered),
)
