"""How hard an incident is to see: what it is at each level. `medium` is the incident as its file has it.

An easy one is larger or lasts longer, a hard one touches a handful of orders or moves a figure a little: the size
at which a person who looks at the right chart would begin to doubt. What makes an incident what it is (which price,
which stage) stays the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

Difficulty = Literal["easy", "medium", "hard"]
DIFFICULTIES: Final[tuple[Difficulty, ...]] = get_args(Difficulty)

_HOUR: Final = 3_600.0
_EASY: Final[Mapping[str, Mapping[str, Any]]] = {
    "broken_process": {"orders": 24},
    "default_region": {"share": 1.0},
    "duplicate_submission": {"orders": 40, "payments": 20},
    "failing_payments": {"failing": 0.8},
    "field_dropped": {"share": 1.0},
    "flash_surge": {"times": 8.0},
    "hot_launch": {"orders": 120},
    "late_channel": {"minutes": 30.0},
    "leaked_code": {"orders": 60},
    "late_system": {"minutes": 30.0},
    "late_gateway": {"delay_minutes": 60.0, "lost": 0.6},
    "late_stock_feed": {"minutes": 60.0},
    "lost_orders": {"orders": 60},
    "lost_parcels": {"orders": 24},
    "malformed": {"broken": 80, "spoilt": 40},
    "margin_squeeze": {"orders": 120},
    "new_pair": {"orders": 80},
    "odd_customers": {"orders": 24},
    "oversell": {"orders": 50},
    "paid_status_only": {"orders": 40},
    "paid_then_cancelled": {"orders": 24},
    "phantom_stock": {"orders": 50},
    "price_typo": {"orders": 24},
    "promotion_farm": {"orders": 80},
    "promotion_misuse": {"orders": 24},
    "promotion_stacking": {"orders": 800},
    "reused_numbers": {"clashing": 16, "repeated": 16},
    "second_price_list": {"factor": 0.1},
    "silent_drop": {"remaining": 0.0},
    "silent_stock_feed": {"duration_seconds": 3.0 * _HOUR},
    "silent_system": {"duration_seconds": 2.0 * _HOUR},
    "slow_carrier": {"times": 6.0},
    "total_gap": {"duration_seconds": 2.0 * _HOUR},
    "unreviewed": {"orders": 24},
    "wrong_amount": {"orders": 24, "paid": 0.5},
    "wrong_parcels": {"orders": 24},
    "wrong_refund": {"twice": 16, "above": 16},
    "wrong_totals": {"orders": 24},
}
_HARD: Final[Mapping[str, Mapping[str, Any]]] = {
    "broken_process": {"orders": 4},
    "default_region": {"share": 0.1},
    "duplicate_submission": {"orders": 4, "payments": 3},
    "failing_payments": {"failing": 0.25},
    "field_dropped": {"share": 0.3},
    "flash_surge": {"times": 2.0},
    "hot_launch": {"orders": 25},
    "late_channel": {"minutes": 4.0},
    "leaked_code": {"orders": 6},
    "late_system": {"minutes": 4.0},
    "late_gateway": {"delay_minutes": 15.0, "lost": 0.1},
    "late_stock_feed": {"minutes": 17.0},
    "lost_orders": {"orders": 8},
    "lost_parcels": {"orders": 4},
    "malformed": {"broken": 8, "spoilt": 4},
    "margin_squeeze": {"factor": 0.75, "orders": 30},
    "new_pair": {"orders": 15},
    "odd_customers": {"orders": 3},
    "oversell": {"orders": 8},
    "paid_status_only": {"orders": 5},
    "paid_then_cancelled": {"orders": 4},
    "phantom_stock": {"orders": 8},
    "price_typo": {"orders": 3},
    "promotion_farm": {"orders": 12},
    "promotion_misuse": {"orders": 4},
    "promotion_stacking": {"orders": 12},
    "reused_numbers": {"clashing": 3, "repeated": 3},
    "second_price_list": {"factor": 0.6, "share": 0.5},
    "silent_drop": {"remaining": 0.4},
    "silent_stock_feed": {"duration_seconds": 1.0 * _HOUR},
    "silent_system": {"duration_seconds": 0.5 * _HOUR},
    "slow_carrier": {"times": 1.8},
    "total_gap": {"duration_seconds": 0.5 * _HOUR},
    "unreviewed": {"orders": 4},
    "wrong_amount": {"orders": 4, "paid": 0.98},
    "wrong_parcels": {"orders": 4},
    "wrong_refund": {"twice": 3, "above": 3},
    "wrong_totals": {"orders": 4},
}
_LEVELS: Final[Mapping[Difficulty, Mapping[str, Mapping[str, Any]]]] = {"easy": _EASY, "medium": {}, "hard": _HARD}


def parameters_at(difficulty: Difficulty, incident: str) -> dict[str, Any]:
    """Parameters that make the incident of that name as hard; none where it is as its file has it.

    >>> parameters_at("hard", "silent_drop"), parameters_at("medium", "silent_drop")
    ({'remaining': 0.4}, {})
    """
    return dict(_LEVELS[difficulty].get(incident, {}))
