"""A champion and a challenger that have scored the same orders: what is counted of both."""

from __future__ import annotations

import msgspec


class SideBySide(msgspec.Struct, frozen=True, kw_only=True):
    """Counts and costs of two models.

    `orders` : scored by both. `…_alerts` : found abnormal, from the calibrated `alert_score` on. `agreeing` : by both.
    `rank_correlation` : Spearman's, of the raw scores of the last orders; None where it is not known. `…_us` :
    microseconds for an order's score.
    """

    champion: str
    challenger: str
    alert_score: float
    orders: int
    champion_alerts: int
    challenger_alerts: int
    agreeing: int
    rank_correlation: float | None
    champion_us: float
    challenger_us: float
