"""The event logs that the faults meet: two simulated days with incidents, as they are, out of order, and repeated."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from uuid import uuid4

from config.promotions import PromotionRegister
from stream.simulator import demo_scenario, promotions_of, simulate
from tests.parts.services import settings_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings
    from stream.embedded import Services
    from stream.simulator import SimulatedEvent

Log = Literal["plain", "late", "repeated"]

BATCH_RECORDS: Final = 100
_OWN: Final = {
    "kafka": {
        "session_timeout_seconds": 3.0,
        "heartbeat_interval_seconds": 0.5,
        "rebalance_timeout_seconds": 8.0,
        "commit_interval_seconds": 0.2,
        "max_poll_records": BATCH_RECORDS,
    },
    "time": {"idle_source_seconds": 10_000.0},  # an old log: our clock must close nothing
    "checkpoint": {"on": True, "interval_seconds": 0.3},
}
_WITHIN_MS: Final = (1_000, 50_000)
_BEYOND_MS: Final = (120_000, 1_800_000)
_LATE_SHARES: Final = (0.05, 0.01)  # of the events: late within the allowance, and beyond it
_TWICE_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Shop:
    """The messages of each log, and the register of its promotions."""

    logs: dict[Log, tuple[bytes, ...]]
    promotions: PromotionRegister

    @classmethod
    def of(cls, seed: int) -> Shop:
        """The demo's two days. Repeated: a tenth comes twice, and the last fifth of the topic once more."""
        scenario = demo_scenario(seed)
        events, draw = list(simulate(scenario)), random.Random(seed)
        plain = tuple(event.value for event in events)
        logs: dict[Log, tuple[bytes, ...]] = {"plain": plain, "late": _late(events, draw)}
        logs["repeated"] = _twice(plain, draw) + plain[-len(plain) // 5 :]
        return cls(logs, PromotionRegister.parse(promotions_of(scenario)))


def _late(events: Sequence[SimulatedEvent], draw: random.Random) -> tuple[bytes, ...]:
    within, beyond = _LATE_SHARES

    def delay_ms() -> int:
        chance = draw.random()
        if chance < beyond:
            return draw.randint(*_BEYOND_MS)
        return draw.randint(*_WITHIN_MS) if chance < beyond + within else 0

    order = sorted((event.time_ms + delay_ms(), number) for number, event in enumerate(events))
    return tuple(events[number].value for _, number in order)


def _twice(values: Sequence[bytes], draw: random.Random) -> tuple[bytes, ...]:
    return tuple(each for value in values for each in [value] * (1 + (draw.random() < _TWICE_SHARE)))


def settings_of(
    services: Services, orders_topic: str, replication_factor: int = 1, *, shares: bool = False
) -> Settings:
    """Settings that all runs share but for the names of what they write: the log is one, and read by each group.

    `shares` : the workers share the partitions.
    """
    settings = settings_on(services)
    for section, values in {**_OWN, "shuffle": {"on": shares}}.items():
        changed = getattr(settings, section).model_copy(update=values)
        settings = settings.model_copy(update={section: changed})
    own = {"orders_topic": orders_topic, "replication_factor": replication_factor}
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=own)})


def topic_name() -> str:
    """A name that no other run uses."""
    return f"orders-{uuid4().hex[:8]}"
