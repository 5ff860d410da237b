"""A review tool that lets orders pass under nobody's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Scene
from stream.simulator.incidents._spoilt import Spoil, SpoiltOrders
from stream.simulator.order import Order

_NOBODY: Final = (None, "", "  ", "unknown")


def _by_nobody(order: Order, scene: Scene) -> int:
    name = _NOBODY[int(scene.rng.integers(len(_NOBODY)))]

    def retell(event: dict[str, Any]) -> dict[str, Any]:
        return event | {"approved_by": name} if event["event_type"] == "order.approved" else event

    order.retell = retell
    return order.journey.approved_ms


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Unreviewed(SpoiltOrders):
    """Orders approved by null, by an empty or blank name, and by "unknown"."""

    ways: ClassVar[Mapping[str, Spoil]] = {"process.approved_by_nobody": _by_nobody}
    kinds: ClassVar[tuple[str, ...]] = tuple(ways)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume")
