"""The form of an incident: a stretch of time in which it changes, adds or hides orders, and labels them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked

from stream.simulator.catalogue import MAX_RANK
from stream.simulator.label import Label
from stream.simulator.rhythm import Slot

if TYPE_CHECKING:
    from stream.simulator.market import Client
    from stream.simulator.order import Order, OrderNumbers
    from stream.simulator.shop import Shop
    from stream.simulator.stock import Stock


@dataclass(slots=True)
class Scene:
    """Where one incident of a run plays: its own random numbers and order numbers, its time, what it touched.

    `loss_minor` and `sold` are tallies that an incident may keep.
    """

    shop: Shop
    stock: Stock
    rng: np.random.Generator
    numbers: OrderNumbers
    begins_ms: int
    ends_ms: int
    slot: Slot = field(default=Slot(0, 0, 1, 0.0, 1.0))
    loss_minor: int = 0
    sold: int = 0
    _touched: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _schedules: dict[str, list[int]] = field(default_factory=dict)

    def covers(self, time_ms: int) -> bool:
        """Whether the incident plays at `time_ms`."""
        return self.begins_ms <= time_ms < self.ends_ms

    def touch(self, order_id: str, shows_ms: int, group: str = "") -> None:
        """Note that the incident shows at `shows_ms` in order `order_id`."""
        self._touched.setdefault(group, []).append((shows_ms, order_id))

    def touched(self, group: str = "") -> list[tuple[int, str]]:
        """What was noted for `group`, in order of time."""
        return sorted(self._touched.get(group, ()))

    def scheduled(self, count: int, name: str = "") -> list[int]:
        """Those of `count` times, spread evenly at random over the incident, that fall into this slot."""
        times = self._schedules.get(name)
        if times is None:
            drawn = np.sort(self.rng.integers(self.begins_ms, self.ends_ms, count))
            times = self._schedules[name] = drawn.tolist()
        return [time for time in times if self.slot.starts_ms <= time < self.slot.ends_ms]

    def orders_at(self, times: list[int], *, product: int | None = None, client: Client | None = None) -> list[Order]:
        """Make extra orders, honest so far."""
        return self.shop.place(np.array(times, np.int64), self.rng, self.numbers, product=product, client=client)

    def arrivals(self, factor: float) -> list[int]:
        """Times of orders that come on top, at `factor` times the rate expected just now."""
        starts = max(self.begins_ms, self.slot.starts_ms)
        ends = min(self.ends_ms, self.slot.ends_ms)
        if starts >= ends:
            return []
        expected = self.slot.expected * self.slot.share_within(self.begins_ms, self.ends_ms)
        count = self.rng.poisson(expected * factor)
        drawn: list[int] = np.sort(self.rng.integers(starts, ends, count)).tolist()
        return drawn


STRICT: Final = ConfigDict(extra="forbid")
"""Every incident is a checked dataclass that refuses a parameter it does not know."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Duration = Annotated[float, Field(ge=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Rank = Annotated[int, Field(ge=0, le=MAX_RANK)]
Share = Annotated[float, Field(ge=0, le=1)]


@checked(frozen=True, kw_only=True, config=STRICT)
class Incident(ABC):
    """Plays from `after_seconds` (since the start of the run) for `duration_seconds`.

    A subclass stands in a file of its own in `incidents/`, named after it, and is frozen: what it notes goes
    into the scene. It never changes how many random numbers the honest traffic takes, so a run with and one
    without it have the same honest orders.
    """

    kinds: ClassVar[tuple[str, ...]]
    also: ClassVar[tuple[str, ...]] = ()
    shows_in_replay: ClassVar[bool] = True
    """Whether the events alone show it, under default settings: not what needs the log's own clock, or less memory."""

    after_seconds: Seconds = 3_600.0
    duration_seconds: Duration = 1_800.0

    @classmethod
    def name(cls) -> str:
        """Stem of the file it stands in."""
        return cls.__module__.rpartition(".")[2]

    @property
    @abstractmethod
    def entity(self) -> str:
        """What it befalls, as `type/key`."""

    @abstractmethod
    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Return what the shop sees of `orders`, all of one slot; called for every slot, in order."""

    def labels(self, scene: Scene) -> list[Label]:
        """Say what was touched; by default one label, over the orders noted or else over the whole time."""
        return [self.label(scene, scene.touched())]

    def label(self, scene: Scene, touched: list[tuple[int, str]], kinds: tuple[str, ...] | None = None) -> Label:
        """Make one label over `touched`."""
        return Label(
            incident=self.name(),
            kinds=kinds or self.kinds,
            also=self.also,
            entity=self.entity,
            starts_at_ms=touched[0][0] if touched else scene.begins_ms,
            ends_at_ms=touched[-1][0] if touched else scene.ends_ms,
            order_ids=tuple(order_id for _, order_id in touched),
            shows_ms=tuple(time for time, _ in touched),
            loss_minor=scene.loss_minor,
        )
