"""A sender breaks its messages: cut-off JSON, missing fields, impossible values, spoilt contact data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import msgspec
from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Count, Incident, Scene
from stream.simulator.order import Order, no_journey

if TYPE_CHECKING:
    from collections.abc import Callable


def _cut_off(value: bytes) -> bytes:
    return value[: len(value) * 2 // 3]


def _no_json(value: bytes) -> bytes:
    return b"<order>" + value[20:80] + b"</order>"


def _without(field: str) -> Callable[[bytes], bytes]:
    return lambda value: _changed(value, lambda event: event.pop(field))


def _no_number(value: bytes) -> bytes:
    return _changed(value, lambda event: event["line_items"][0].update(quantity="two"))


def _negative_quantity(value: bytes) -> bytes:
    return _changed(value, lambda event: event["line_items"][0].update(quantity=-1))


def _changed(value: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    event: dict[str, Any] = msgspec.json.decode(value)
    change(event)
    return msgspec.json.encode(event)


_BREAKAGES: Final = (
    _cut_off,
    _without("total_price"),
    _no_number,
    _no_json,
    _without("customer_id"),
    _negative_quantity,
)
_PHONE, _POSTAL_CODE = "call me", "??"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Malformed(Incident):
    """`broken` messages that are no event, and `spoilt` orders whose phone and postal code can't be right.

    The broken ones are extra orders of which nothing more is heard; the spoilt ones go their usual way. With a
    `source`, the broken ones say that it sent them.
    """

    kinds: ClassVar[tuple[str, ...]] = (
        "information.malformed",
        "information.malformed_phone",
        "information.malformed_address",
    )
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume")

    broken: Count = 40
    spoilt: Count = 20
    source: Annotated[str, Field(max_length=64)] = ""

    @property
    def entity(self) -> str:
        """Return everything: a broken message names no one."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's broken and spoilt orders."""
        broken = scene.orders_at(scene.scheduled(self.broken, "broken"))
        for order in broken:
            if self.source:
                order.retell = self._signed
            order.garble = _BREAKAGES[int(scene.rng.integers(len(_BREAKAGES)))]
            order.journey = no_journey()
        spoilt = scene.orders_at(scene.scheduled(self.spoilt, "spoilt"))
        for order in spoilt:
            order.phone, order.postal_code = _PHONE, _POSTAL_CODE
        for order in broken + spoilt:
            scene.touch(order.order_id, order.time_ms)
        return orders + broken + spoilt

    def _signed(self, event: dict[str, Any]) -> dict[str, Any]:
        return {"source": self.source} | event
