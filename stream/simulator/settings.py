"""What a simulated run is: how long, how fast, with which incidents."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from config.errors import ConfigRefused

if TYPE_CHECKING:
    from stream.simulator.incident import Incident

MAX_INCIDENTS: Final = 63
LEAST_PRODUCTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """One run. The same settings give the same bytes.

    `orders_per_second` is the mean over a week; `season_strength` 1 follows the real hour-of-week shape,
    0 is flat. `dispersion` is the variance of hourly counts over their mean (2.25 measured, 1 is Poisson).
    `latency_scale` multiplies the stages that take days (hand-over, transit, transfers, the promise);
    minutes stay minutes. `promise_sigmas` is how far above the usual transit the promised time lies: at 1.7
    six orders in a hundred are late, as in real life, at 3 hardly any. `utc_offset_hours` is the shop's
    clock. With `life_cycle` off only `order.created` is written. `incidents` are objects of
    `stream.simulator.incidents`.
    """

    seed: int = 7
    start: datetime = datetime(2026, 3, 2, 16, tzinfo=UTC)
    duration_seconds: float = 86_400.0
    orders_per_second: float = 0.5
    incidents: tuple[Incident, ...] = field(default=())
    latency_scale: float = 1.0
    season_strength: float = 1.0
    promise_sigmas: float = 1.7
    dispersion: float = 2.25
    utc_offset_hours: float = 8.0
    products: int = 2_000
    customers: int = 50_000
    sellers: int = 100
    life_cycle: bool = True

    def __post_init__(self) -> None:
        """Refuse what can't be simulated; raises ConfigRefused naming value, limit and setting."""
        for name in ("duration_seconds", "orders_per_second", "latency_scale"):
            _check(name, getattr(self, name), low=0.0, open_low=True)
        _check("season_strength", self.season_strength, low=0.0, high=1.0)
        _check("promise_sigmas", self.promise_sigmas, low=0.0, high=10.0)
        _check("dispersion", self.dispersion, low=1.0)
        _check("utc_offset_hours", self.utc_offset_hours, low=-14.0, high=14.0)
        for name, least in (("products", LEAST_PRODUCTS), ("customers", 100), ("sellers", 1), ("seed", 0)):
            _check(name, getattr(self, name), low=least)
        if self.start.tzinfo is None:
            raise ConfigRefused(f"start = {self.start.isoformat()}: must have a zone, such as +00:00")
        if len(self.incidents) > MAX_INCIDENTS:
            raise ConfigRefused(f"incidents: {len(self.incidents)} given, at most {MAX_INCIDENTS}")

    @property
    def start_ms(self) -> int:
        """First millisecond of the run, since 1970 UTC."""
        return round(self.start.timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        """First millisecond after the run; nothing that would happen then is written."""
        return self.start_ms + round(self.duration_seconds * 1000)


def _check(name: str, value: float, *, low: float, high: float = math.inf, open_low: bool = False) -> None:
    fits = low < value <= high if open_low else low <= value <= high
    if not (fits and math.isfinite(value)):
        limit = f"above {low:g}" if open_low else f"at least {low:g}"
        upper = f" and at most {high:g}" if math.isfinite(high) else ""
        raise ConfigRefused(f"{name} = {value:g}: must be finite, {limit}{upper}")
