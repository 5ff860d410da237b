"""The events that every system under test reads: the simulator's honest traffic, generated once a run.

`created` is the stream to compare on: `order.created` alone, one to three lines, about 700 bytes. The
simulator follows a shop where nine orders in ten have one line; here four in ten get one or two lines of
other orders on top, so that there is more to read. `life_cycle` is everything that happens to orders.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from config.promotions import PromotionRegister
from stream.simulator import SimulatorSettings, promotions_of, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDERS_PER_SECOND: Final = 50.0
"""Of event time. 4.3 million orders a day: a large shop, so that a pane closes every 3,000 orders."""
FIRST: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
_REGISTERED: Final = datetime(2020, 1, 1, tzinfo=UTC)
_PLENTY_SECONDS: Final = 1e9
_ONE_MORE, _TWO_MORE = 0.28, 0.12
_MOVED_SHARE, _MOVED = 0.25, (0.96, 1.04)
_CENT = Decimal("0.01")
_LIFE_CYCLE_ORDERS_PER_SECOND = 20.0
_LIFE_CYCLE_LATENCY_SCALE = 1 / 2_000
"""Days of transit become minutes: most orders placed in the stream are also delivered in it."""
_JSON = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent to Kafka. `time_ms` is the event's own time."""

    time_ms: int
    key: bytes
    value: bytes


def created(count: int, *, start: datetime = FIRST, orders_per_second: float = ORDERS_PER_SECOND) -> list[Message]:
    """`count` honest orders, in the order of event time; the same arguments give the same bytes."""
    settings = SimulatorSettings(
        start=start,
        duration_seconds=_PLENTY_SECONDS,
        orders_per_second=orders_per_second,
        season_strength=0.0,
        dispersion=1.0,
        life_cycle=False,
    )
    return list(itertools.islice(_with_more_lines(settings), count))


def life_cycle(count: int) -> list[Message]:
    """`count` events of orders that are placed, paid, approved, shipped and delivered."""
    settings = SimulatorSettings(
        start=FIRST,
        duration_seconds=_PLENTY_SECONDS,
        orders_per_second=_LIFE_CYCLE_ORDERS_PER_SECOND,
        season_strength=0.0,
        dispersion=1.0,
        latency_scale=_LIFE_CYCLE_LATENCY_SCALE,
    )
    events = itertools.islice(simulate(settings), count)
    return [Message(event.time_ms, event.key.encode(), event.value) for event in events]


def spoilt(message: Message, number: int) -> Message:
    """The same order, but its total is not the sum of its parts: each reader must raise an alert at once.

    It comes by a channel of its own, or the alerts of one channel would become one, updated in silence.
    """
    order: dict[str, Any] = msgspec.json.decode(message.value)
    order["total_price"] = str(Decimal(order["total_price"]) + 137)
    order["channel"] = f"kiosk-{number}"
    return Message(message.time_ms, message.key, _JSON.encode(order))


def promotions() -> PromotionRegister:
    """The register of the promotions that the orders use."""
    settings = SimulatorSettings(start=_REGISTERED, duration_seconds=_PLENTY_SECONDS)
    return PromotionRegister.parse(promotions_of(settings))


def _with_more_lines(settings: SimulatorSettings) -> Iterator[Message]:
    rng = random.Random(f"{settings.seed}@{settings.start}")  # event ids of two runs differ
    last_lines: list[dict[str, Any]] = []
    for event in simulate(settings):
        order: dict[str, Any] = msgspec.json.decode(event.value)
        own = order["line_items"]
        more = last_lines[: _more(rng.random(), room=3 - len(own))]
        last_lines = [*own, *last_lines][:2]
        moved = 0.0 if order["discounts"] else _MOVED_SHARE  # a discount belongs to the price it was made for
        _refill(order, [_repriced(line, rng, moved) for line in (*own, *more)])
        order["event_id"] = str(UUID(int=rng.getrandbits(128), version=4))
        yield Message(event.time_ms, event.key.encode(), _JSON.encode(order))


def _more(draw: float, room: int) -> int:
    wanted = 2 if draw < _TWO_MORE else 1 if draw < _TWO_MORE + _ONE_MORE else 0
    return min(room, wanted)


def _repriced(line: dict[str, Any], rng: random.Random, share: float) -> dict[str, Any]:
    """Change a share of the prices a little: the simulator's hold for a day, and leave no spread to learn."""
    if rng.random() >= share:
        return line
    price = Decimal(line["price"]) * Decimal(rng.uniform(*_MOVED))
    return line | {"price": str(price.quantize(_CENT))}


def _refill(order: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    """Put `lines` into the order; the total stays the sum of its parts."""
    order["total_price"] = str(Decimal(order["total_price"]) + _goods(lines) - _goods(order["line_items"]))
    order["line_items"] = lines


def _goods(lines: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(line["price"]) * line["quantity"] for line in lines), Decimal(0))
