"""Decode, look, judge, merge, tell: the whole way of an order, without Kafka and without Redis.

Read this file first. The live worker, `orderwatch replay`, backtests and tests all run this very class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from config.promotions import PromotionRegister
from config.settings import Settings
from features.state import State, Stateful, gathered, restore
from models.calibration import Calibration
from models.detector import Detector
from models.warm_up import WarmUp
from stream.alert import Alert
from stream.assembly import Assembly
from stream.dead_letter import DeadLetter
from stream.model_registry.serving import Served
from stream.record import Record
from stream.scored_rows import ScoredRows
from stream.shadow import Shadow
from stream.stage_one import StageOne
from stream.stage_two import StageTwo


@dataclass(slots=True)
class Outcome:
    """What some records led to.

    `held` : partition -> offset of the earliest record of which something still waits to be merged; an offset
    at or beyond it is not yet done. `scored` : what is to be logged of the orders that are done (`feature_log.on`).
    """

    alerts: list[Alert] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    events: int = 0
    duplicates: int = 0
    late: int = 0
    held: dict[int, int] = field(default_factory=dict)
    scored: list[ScoredRows] = field(default_factory=list)


class Pipeline:
    """Judges the records of all partitions of an order log.

    Parameters
    ----------
    settings
        Everything that can be set.
    partitions
        How many partitions the log has; by default as many as the settings say.
    promotions
        The register of promotions; by default the one that the settings name, else an empty one.

    >>> from config.settings import load
    >>> from models.examples import created, encoded
    >>> from stream.record import StoredRecord
    >>> pipeline = Pipeline(load(), partitions=1)
    >>> wrong = StoredRecord(encoded(created(total_price="1.00")), key=b"o1", offset=0)
    >>> outcome = pipeline.process(0, [wrong], wait=False)
    >>> [alert.kind for alert in outcome.alerts]
    ['price.total_mismatch']
    """

    def __init__(
        self,
        settings: Settings,
        *,
        partitions: int | None = None,
        promotions: PromotionRegister | None = None,
    ) -> None:
        """Build every part that the settings turn on."""
        n = settings.kafka.partitions if partitions is None else partitions
        register = _register(settings) if promotions is None else promotions
        assembly = Assembly(settings, register)
        across = assembly.across(n)
        self._one = StageOne(settings, assembly, n, across)
        self._two = StageTwo(settings, assembly, across)
        self._partitions = range(n)
        self.feedback, self.feature_log = self._two.feedback, self._one.feature_log
        self.models, self.skew = assembly.versions, assembly.skew

    @property
    def clock_ms(self) -> int:
        """The event time that the log has reached."""
        return self._two.clock_ms

    @property
    def held_back(self) -> dict[str, int]:
        """Family -> conditions that its budget of alerts has held back so far (`alerts.budget_per_day`)."""
        return self._two.held_back

    @property
    def evicted(self) -> dict[str, int]:
        """Kind of key -> keys forgotten so far, of all partitions, because their space was full (`state.max_*`)."""
        return self._one.evicted

    @property
    def warming_up(self) -> dict[str, WarmUp]:
        """The parts that have no opinion yet, and how far they are; of partitions, the one that is least far."""
        parts = self._two.warm_ups | self._one.warm_ups
        return {name: warm_up for name, warm_up in parts.items() if not warm_up.is_over}

    @property
    def shadows(self) -> list[Shadow]:
        """Challengers that score beside the detectors that serve, and tell nobody."""
        return self._one.shadows

    @shadows.setter
    def shadows(self, shadows: list[Shadow]) -> None:
        self._one.shadows = shadows

    def serve(self, name: str, model: Served, copies: Sequence[tuple[Detector, Calibration]]) -> None:
        """Have a detector go on as another model from the next batch on; `copies` : one of its own a partition."""
        self._one.serve(name, model, copies)
        self.models = {**self.models, name: model.version}
        self.skew = {**self.skew, name: len(model.skew)}
        if self.feature_log:
            self.feature_log.set_versions(self.models)

    def process(self, partition: int, records: Sequence[Record], *, wait: bool = True, more: bool = False) -> Outcome:
        """Judge records of one partition, in offset order.

        `wait` : other partitions may still have older events to read, so what has to be merged waits for them.
        False when every partition is read to its end. `more` : another batch follows at once, and merging is
        left to it; what is told does not depend on it, only how often the partitions are looked at.
        """
        judged = self._one.process(partition, records)
        self._two.add(judged.piece)
        outcome = Outcome(held=self._held()) if more else self._told(wait=wait)
        outcome.dead_letters = judged.dead_letters
        outcome.events = judged.events
        outcome.duplicates = judged.duplicates
        outcome.late = judged.late
        return outcome

    def advance(self, now_ms: int) -> Outcome:
        """Let event time pass where nothing arrives: silence is a signal, and deadlines end without an event."""
        for partition in self._partitions:
            self._two.hold(self._one.advance(partition, now_ms))
        self._two.advance(now_ms)
        return self._told(wait=False)

    def finish(self) -> Outcome:
        """Release everything held back: a bounded stream has ended."""
        return self._told(wait=False)

    def get_state(self) -> State:
        """All that was learned from the log so far, as plain arrays by name.

        A pipeline of the same settings that is given it goes on as if it had never stopped.
        """
        return gathered({name: part.get_state() for name, part in self._parts().items()})

    def set_state(self, state: State) -> None:
        """Go on from such a state; the arrays stay the caller's."""
        restore(self._parts(), state)
        self._one.memory.restored(self.clock_ms)

    def _parts(self) -> dict[str, Stateful]:
        parts: dict[str, Stateful] = {**self._two.parts(), "memory": self._one.memory}
        for partition in self._partitions:
            parts |= self._one.parts(partition)
        return parts | ({"feature_log": self.feature_log} if self.feature_log else {})

    def _held(self) -> dict[int, int]:
        held = self._two.held()
        return self.feature_log.held(held) if self.feature_log else held

    def _told(self, *, wait: bool) -> Outcome:
        reached_ms = self._two.reached_ms(wait=wait)
        verdicts = self._two.release(reached_ms)
        scored = self.feature_log.release(reached_ms, verdicts) if self.feature_log else []
        alerts = self._two.told(verdicts, reached_ms)
        return Outcome(alerts=alerts, held=self._held() if wait else {}, scored=scored)


def _register(settings: Settings) -> PromotionRegister:
    path = settings.promotions.file
    return PromotionRegister({}) if path is None else PromotionRegister.load(path)
