"""What a worker that shares the log judges with: its own partitions, and where it has partition 0, all slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.promotions import PromotionRegister
from config.settings import Settings
from features.state import State
from models.warm_up import WarmUp
from stream.alert import Alert
from stream.dead_letter import DeadLetter
from stream.record import Record
from stream.scored_rows import ScoredRows
from stream.shuffle.merge import Merge
from stream.shuffle.spread import Spread


@dataclass(slots=True)
class SharedOutcome:
    """What some records, or some slices, led to. `messages` : for the topic of slices."""

    alerts: list[Alert] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    events: int = 0
    duplicates: int = 0
    late: int = 0
    held: dict[int, int] = field(default_factory=dict)
    scored: list[ScoredRows] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)


class SharedJudge:
    """Stage one of some partitions, and stage two.

    Parameters
    ----------
    settings
        Everything that can be set.
    promotions
        The register of promotions.
    """

    def __init__(self, settings: Settings, promotions: PromotionRegister) -> None:
        """Build every part that the settings turn on, twice: for what is ours, and for what is everybody's."""
        self.partitions = settings.kafka.partitions
        self.spread = Spread(settings, promotions, self.partitions)
        self.merge = Merge(settings, promotions, self.partitions)

    @property
    def clock_ms(self) -> int:
        """The event time that our partitions have reached."""
        return self.spread.clock_ms

    @property
    def held_back(self) -> Mapping[str, int]:
        """Family -> conditions that its budget of alerts has held back so far (`alerts.budget_per_day`)."""
        return self.merge.held_back

    @property
    def evicted(self) -> Mapping[str, int]:
        """Kind of key -> keys forgotten so far because their space was full (`state.max_*`)."""
        return self.spread.stage.evicted

    @property
    def warming_up(self) -> dict[str, WarmUp]:
        """The parts that have no opinion yet, and how far they are."""
        parts = self.merge.warm_ups | self.spread.stage.warm_ups
        return {name: warm_up for name, warm_up in parts.items() if not warm_up.is_over}

    def process(self, partition: int, records: Sequence[Record], *, wait: bool, more: bool) -> SharedOutcome:
        """Judge records of one of our partitions; `wait` : ours are not all read to their ends."""
        del more  # a slice waits for nobody
        spoken = self.spread.process(partition, records, at_end=not wait)
        return SharedOutcome(
            dead_letters=spoken.dead_letters,
            events=spoken.events,
            duplicates=spoken.duplicates,
            late=spoken.late,
            messages=spoken.messages,
        )

    def advance(self, now_ms: int) -> SharedOutcome:
        """Let event time pass in our partitions; what follows is said once the state is safe."""
        self.spread.advance(now_ms)
        return SharedOutcome()

    def finish(self) -> SharedOutcome:
        """The stream has ended: say so."""
        return SharedOutcome(messages=self.spread.at_end())

    def get_state(self) -> State:
        """What is merged; partitions are kept one by one."""
        return self.merge.get_state()

    def set_state(self, state: State) -> None:
        """Go on from it."""
        self.merge.set_state(state)
