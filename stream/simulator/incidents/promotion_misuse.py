"""Promotions used as they are not meant to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Scene
from stream.simulator.incidents._spoilt import Spoil, SpoiltOrders
from stream.simulator.market import CLIENTS
from stream.simulator.order import Discount, Order
from stream.simulator.promotions import CAMPAIGN, EXPIRED, TEN_PERCENT

_STALE: Final = next(client for client in CLIENTS if client.stale)


def _used(order: Order, *discounts: Discount) -> int:
    order.discounts, order.tax_minor = list(discounts), 0
    return order.time_ms


def _too_deep(order: Order, scene: Scene) -> int:
    scene.loss_minor += order.goods_minor * 7 // 10
    return _used(order, Discount(TEN_PERCENT, "percentage", order.goods_minor * 8 // 10))


def _twice(order: Order, scene: Scene) -> int:
    once = Discount(TEN_PERCENT, "percentage", order.goods_minor // 10)
    scene.loss_minor += once.amount_minor
    return _used(order, once, once)


def _by_a_stale_client(order: Order, scene: Scene) -> int:  # noqa: ARG001  # one form for every way
    order.client = _STALE
    return _used(order, Discount(CAMPAIGN[0].promotion_id, "threshold", order.goods_minor // 4))


def _expired(order: Order, scene: Scene) -> int:
    scene.loss_minor += order.goods_minor // 10
    return _used(order, Discount(EXPIRED, "percentage", order.goods_minor // 10))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PromotionMisuse(SpoiltOrders):
    """Ten percent that take eighty, taken twice, by a client that should not see them, or after their time."""

    ways: ClassVar[Mapping[str, Spoil]] = {
        "promotion.depth_over_cap": _too_deep,
        "promotion.applied_twice": _twice,
        "promotion.stale_client": _by_a_stale_client,
        "promotion.outside_period": _expired,
    }
    kinds: ClassVar[tuple[str, ...]] = (*ways, "promotion.depth_outlier")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "price")
