"""Customers who order as nobody does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Scene
from stream.simulator.incidents._spoilt import Spoil, SpoiltOrders
from stream.simulator.order import Line, Order
from stream.simulator.settings import LEAST_PRODUCTS


def _by_the_hundred(order: Order, scene: Scene) -> int:  # noqa: ARG001  # one form for every way
    order.lines = [order.lines[0]._replace(quantity=150)]
    order.discounts, order.shipping_minor, order.tax_minor = [], 0, 0
    return order.time_ms


def _everything(order: Order, scene: Scene) -> int:
    prices = scene.shop.catalogue.list_minor
    order.lines = [Line(product, 100, int(prices[product])) for product in range(LEAST_PRODUCTS)]
    order.discounts, order.shipping_minor, order.tax_minor = [], 0, 0
    return order.time_ms


@dataclass(frozen=True, kw_only=True, config=STRICT)
class OddCustomers(SpoiltOrders):
    """Orders of a hundred and fifty pieces of one thing, and of a hundred of everything."""

    ways: ClassVar[Mapping[str, Spoil]] = {
        "behaviour.quantity_over_cap": _by_the_hundred,
        "behaviour.basket_outlier": _everything,
    }
    kinds: ClassVar[tuple[str, ...]] = (*ways, "behaviour.odd_order")
    also: ClassVar[tuple[str, ...]] = ("volume", "inventory")
