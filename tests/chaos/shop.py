"""The event log that every fault meets: two simulated days with incidents, and what a calm worker says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from config.promotions import PromotionRegister
from stream.simulator import demo_scenario, promotions_of, simulate
from tests.parts.services import settings_on

if TYPE_CHECKING:
    from config.settings import Settings
    from stream.embedded import Services

_BATCH_RECORDS = 200
_OWN = {
    "kafka": {
        "session_timeout_seconds": 3.0,
        "heartbeat_interval_seconds": 0.5,
        "rebalance_timeout_seconds": 8.0,
        "commit_interval_seconds": 0.2,
        "max_poll_records": _BATCH_RECORDS,
    },
    "time": {"idle_source_seconds": 10_000.0},  # an old log: our clock must close nothing
    "checkpoint": {"on": True, "interval_seconds": 0.3},
}


@dataclass(frozen=True, slots=True)
class Shop:
    """The log's events, and the register of its promotions."""

    events: tuple[bytes, ...]
    promotions: PromotionRegister

    @classmethod
    def of(cls, seed: int) -> Shop:
        """The demo's two days."""
        scenario = demo_scenario(seed)
        return cls(tuple(event.value for event in simulate(scenario)), PromotionRegister.parse(promotions_of(scenario)))


def settings_of(services: Services, orders_topic: str) -> Settings:
    """Settings that all runs share but for the names of what they write: the log is one, and read by each group."""
    settings = settings_on(services)
    for section, values in _OWN.items():
        changed = getattr(settings, section).model_copy(update=values)
        settings = settings.model_copy(update={section: changed})
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"orders_topic": orders_topic})})


def topic_name() -> str:
    """A name that no other run uses."""
    return f"orders-{uuid4().hex[:8]}"
