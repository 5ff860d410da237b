"""The shop's promotions: the register of them, and how an honest order uses them.

P1 and P2 are meant to exclude each other. Each alone leaves a margin; both together sell below cost. Vouchers
may be combined, and about 0.8 % of honest orders do combine two: their number alone is no abuse.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from stream.simulator.order import Discount

if TYPE_CHECKING:
    from stream.simulator.market import Client
    from stream.simulator.settings import SimulatorSettings

CAMPAIGN: Final = (Discount("P1", "threshold", 32_000), Discount("P2", "threshold", 33_000))
CAMPAIGN_FROM_MINOR: Final = 100_000
P1_SHARE, P2_SHARE = 0.50, 0.35
TEN_PERCENT, TWENTY_OFF = "P3", "P4"
TWENTY_OFF_MINOR, TWENTY_OFF_FROM_MINOR = 2_000, 20_000
EXPIRED: Final = "P0"
"""A promotion that was over before the run began: no honest order uses it."""
VOUCHERS_MINOR: Final = (300, 500, 1_000, 2_000, 5_000)
DEEPEST: Final = {"P1": 0.35, "P2": 0.35, TEN_PERCENT: 0.10, TWENTY_OFF: 0.10}
DEEPEST_VOUCHERS: Final = 0.30
USED_BY: Final = {
    "P1": 0.027,
    "P2": 0.019,
    TEN_PERCENT: 0.095,
    TWENTY_OFF: 0.018,
    "V3": 0.0035,
    "V5": 0.0125,
    "V10": 0.016,
    "V20": 0.020,
    "V50": 0.012,
}
"""Share of honest orders that use each promotion, as it comes out of the rules below."""

# upper edges of a uniform draw; a basket too small for its draw gets no discount
_TWO_VOUCHERS, _ONE_VOUCHER, _PERCENT, _THRESHOLD = 0.0095, 0.060, 0.160, 0.260


def honest_discounts(draw: float, goods_minor: int, client: Client, *, campaign: bool) -> list[Discount]:
    """Discounts of an honest order; `draw` is uniform in [0, 1), `campaign`: has a campaign product."""
    if campaign and goods_minor >= CAMPAIGN_FROM_MINOR:
        return _campaign(draw, client)
    if draw >= _THRESHOLD:
        return []
    if draw >= _PERCENT:
        return [Discount(TWENTY_OFF, "threshold", TWENTY_OFF_MINOR)] if goods_minor >= TWENTY_OFF_FROM_MINOR else []
    if draw >= _ONE_VOUCHER:
        return [Discount(TEN_PERCENT, "percentage", goods_minor // 10)]
    return _vouchers(goods_minor, 2 if draw < _TWO_VOUCHERS else 1)


def _campaign(draw: float, client: Client) -> list[Discount]:
    if client.stale or draw >= P1_SHARE + P2_SHARE:  # the shop hides the campaign from clients that are too old
        return []
    return [CAMPAIGN[0] if draw < P1_SHARE else CAMPAIGN[1]]


def _vouchers(goods_minor: int, count: int) -> list[Discount]:
    """Largest vouchers, next to each other in value, that together stay within `DEEPEST_VOUCHERS`."""
    for last in range(len(VOUCHERS_MINOR), count - 1, -1):
        chosen = VOUCHERS_MINOR[last - count : last]
        if sum(chosen) <= goods_minor * DEEPEST_VOUCHERS:
            return [Discount(f"V{value // 100}", "voucher", value) for value in chosen]
    return []


def promotions_of(settings: SimulatorSettings) -> dict[str, Any]:
    """The promotion register of a run, in the contract's shape; an incident of the run is not in it.

    >>> from stream.simulator import SimulatorSettings
    >>> [entry["excludes"] for entry in promotions_of(SimulatorSettings())["promotions"][:2]]
    [['P2'], ['P1']]
    """
    hourly = settings.orders_per_second * 3_600
    entries = [_entry(settings, promotion, hourly * share) for promotion, share in USED_BY.items()]
    entries[0] |= {"excludes": ["P2"], "client_version_min": "8.4"}
    entries[1] |= {"excludes": ["P1"], "client_version_min": "8.4"}
    over = {"promotion_id": EXPIRED, "ends_at": settings.start.isoformat(), "max_discount_rate": DEEPEST[TEN_PERCENT]}
    return {"promotions": [*entries, over]}


def _entry(settings: SimulatorSettings, promotion: str, orders_per_hour: float) -> dict[str, Any]:
    ends = settings.start + timedelta(seconds=settings.duration_seconds)
    return {
        "promotion_id": promotion,
        "starts_at": settings.start.isoformat(),
        "ends_at": ends.isoformat(),
        "excludes": [],
        "max_discount_rate": DEEPEST.get(promotion, DEEPEST_VOUCHERS),
        "expected_orders_per_hour": round(orders_per_hour, 1),
    }
