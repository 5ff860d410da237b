"""A checkout that adds up wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Scene
from stream.simulator.incidents._spoilt import Spoil, SpoiltOrders, rewritten
from stream.simulator.order import Order


def _short(order: Order, scene: Scene) -> int:
    scene.loss_minor += 500
    return rewritten(order, total_price=f"{(order.total_minor - 500) / 100:.2f}")


def _free(order: Order, scene: Scene) -> int:
    scene.loss_minor += order.total_minor
    return rewritten(order, total_price="0.00")


def _priceless(order: Order, scene: Scene) -> int:
    scene.loss_minor += order.goods_minor
    order.lines, order.discounts = [line._replace(price_minor=0) for line in order.lines], []
    order.shipping_minor, order.tax_minor = 800, 0
    return order.time_ms


def _foreign(order: Order, scene: Scene) -> int:  # noqa: ARG001  # one form for every way
    return rewritten(order, currency="XQX")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class WrongTotals(SpoiltOrders):
    """Orders whose total is 5 less than their sum, nothing at all, of goods without a price, in no currency."""

    ways: ClassVar[Mapping[str, Spoil]] = {
        "price.total_mismatch": _short,
        "price.total_not_positive": _free,
        "price.below_floor": _priceless,
        "information.unknown_currency": _foreign,
    }
    kinds: ClassVar[tuple[str, ...]] = (*ways, "payment.amount_mismatch")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "payment", "process")
