"""A packing line that mixes up orders: a piece too many in a parcel, or another product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Scene
from stream.simulator.incidents._spoilt import Spoil, SpoiltOrders
from stream.simulator.order import Order


def _packed(order: Order, scene: Scene, *, swapped: bool) -> int:
    """Have the hand-over say what it holds: one piece too many, or one product for another."""
    skus = scene.shop.catalogue.skus
    items = [{"sku": skus[line.product], "quantity": line.quantity} for line in order.lines]
    if swapped:
        items[0] = items[0] | {"sku": f"{items[0]['sku']}-b"}
    else:
        items[0] = items[0] | {"quantity": order.lines[0].quantity + 1}

    def retell(event: dict[str, Any]) -> dict[str, Any]:
        return event | {"line_items": items} if event["event_type"] == "order.shipped" else event

    order.retell = retell
    return order.journey.shipped_ms


def _too_many(order: Order, scene: Scene) -> int:
    return _packed(order, scene, swapped=False)


def _others(order: Order, scene: Scene) -> int:
    return _packed(order, scene, swapped=True)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class WrongParcels(SpoiltOrders):
    """Parcels that hold one piece more than was ordered, and such that hold another product."""

    ways: ClassVar[Mapping[str, Spoil]] = {
        "logistics.shipped_quantity": _too_many,
        "logistics.shipped_items": _others,
    }
    kinds: ClassVar[tuple[str, ...]] = tuple(ways)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "latency")
