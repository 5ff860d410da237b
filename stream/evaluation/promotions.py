"""Two promotions for logs that have none to stack: each is used honestly by a few orders in a hundred, never both."""

from __future__ import annotations

from typing import Final

import numpy as np

from config.promotions import PromotionRegister
from stream.evaluation.history import Event, History, charge, minor_of
from stream.importers.source import money

PAIR: Final = ("P1", "P2")
USED_SHARE: Final = 0.03
"""Share of the orders that use each."""
_OFF_SHARE: Final = {"P1": 0.10, "P2": 0.15}
_DEEPEST: Final = 0.2
_EVEN_OF: Final = 1.0 / USED_SHARE


def register() -> PromotionRegister:
    """What the two may do."""
    entries = [
        {"promotion_id": one, "excludes": [other], "max_discount_rate": _DEEPEST}
        for one, other in (PAIR, tuple(reversed(PAIR)))
    ]
    return PromotionRegister.parse({"promotions": entries})


def take_off(life: list[Event], promotion: str) -> int:
    """Put a promotion on an order, and let it and its payments be of so much less; returns that, in minor units."""
    created = life[0]
    goods: int = sum(minor_of(line["price"]) * line["quantity"] for line in created["line_items"])
    off = round(goods * _OFF_SHARE[promotion])
    created.setdefault("discounts", []).append({"promotion_id": promotion, "amount": money(off)})
    charge(life, -off)
    return off


def use_honestly(history: History, rng: np.random.Generator) -> None:
    """Put one of the two on a few orders of the whole log."""
    for order in history.untouched(history.begin(), history.end()):
        draw = float(rng.random()) * _EVEN_OF
        if draw < len(PAIR) and not history.created(order).get("discounts"):
            take_off(history.life(order), PAIR[int(draw)])
