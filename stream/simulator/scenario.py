"""The demo's run: two simulated days, the second with one incident of every kind after another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from stream.simulator.incidents import make
from stream.simulator.settings import SimulatorSettings

if TYPE_CHECKING:
    from stream.simulator.incident import Incident

_HOUR = 3_600.0
_DAYS: Final = 2.0
# local hour of the second day, minutes it lasts, incident, its parameters
_PROGRAMME: Final[tuple[tuple[float, float, str, dict[str, float | str]], ...]] = (
    (7.0, 30, "price_typo", {"factor": 0.1, "rank": 3}),
    (8.0, 45, "promotion_stacking", {"orders": 145}),
    (9.5, 30, "duplicate_submission", {}),
    (10.5, 30, "malformed", {}),
    (11.5, 30, "flash_surge", {"times": 4.0}),
    (12.75, 20, "price_typo", {"factor": 10.0, "rank": 0}),
    (13.5, 60, "slow_carrier", {"times": 3.0}),
    (15.25, 45, "oversell", {}),
    (16.5, 45, "silent_drop", {"channel": "web"}),
    (17.75, 20, "price_typo", {"factor": 0.01, "rank": 9}),
    (18.5, 25, "flash_surge", {"times": 3.0, "rank": 11}),
    (19.25, 40, "total_gap", {}),
    (20.5, 45, "late_gateway", {}),
)


def demo_scenario(seed: int = 7) -> SimulatorSettings:
    """Tuesday and Wednesday of one week, local time, at nine orders a minute; a delivery takes about an hour.

    The first day and the second one's night are warm-up. Incidents play one after another from 07:00 on; the
    slow carrier comes at noon, because its parcels arrive until late in the evening.

    >>> len(demo_scenario().incidents)
    13
    """
    return SimulatorSettings(
        seed=seed,
        start=datetime(2026, 3, 2, 16, tzinfo=UTC),  # Tuesday 00:00 in Shanghai
        duration_seconds=_DAYS * 24 * _HOUR,
        orders_per_second=0.14,
        incidents=tuple(_planned(*entry) for entry in _PROGRAMME),
        latency_scale=1.0 / 240.0,
        promise_sigmas=3.0,  # late parcels are rare until the carrier is slow
        products=300,
        customers=60_000,
    )


def _planned(hour: float, minutes: float, name: str, parameters: dict[str, float | str]) -> Incident:
    after_seconds = (_DAYS - 1.0) * 24 * _HOUR + hour * _HOUR
    return make(name, after_seconds=after_seconds, duration_seconds=minutes * 60.0, **parameters)
