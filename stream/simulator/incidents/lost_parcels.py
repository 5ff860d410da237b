"""A warehouse that prints the wrong labels, and forgets to say what it hands over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Scene
from stream.simulator.incidents._spoilt import Spoil, SpoiltOrders
from stream.simulator.order import NEVER, Order


def _unreadable(order: Order, scene: Scene) -> int:  # noqa: ARG001  # one form for every way
    order.tracking_number = "n/a"
    return order.journey.shipped_ms


def _reused(order: Order, scene: Scene) -> int:
    order.tracking_number = f"{order.carrier}{scene.begins_ms}"
    return order.journey.shipped_ms


def _untold(order: Order, scene: Scene) -> int:  # noqa: ARG001  # one form for every way
    order.journey.shipped_ms = NEVER
    return order.journey.delivered_ms


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LostParcels(SpoiltOrders):
    """Parcels under "n/a", under one number for all of a carrier, and delivered without ever being handed over."""

    ways: ClassVar[Mapping[str, Spoil]] = {
        "logistics.tracking_malformed": _unreadable,
        "logistics.tracking_reused": _reused,
        "logistics.delivered_without_shipped": _untold,
    }
    kinds: ClassVar[tuple[str, ...]] = tuple(ways)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "latency", "process")
