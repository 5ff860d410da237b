"""Decode, look, judge, merge, tell: the whole way of an order, without Kafka and without Redis.

Read this file first. The live worker, `orderwatch replay`, backtests and tests all run this very class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from config.policy import Policy
from config.promotions import PromotionRegister
from config.settings import Settings
from features.state import State, Stateful, gathered, restore
from models.across import Across
from models.calibration import Calibration
from models.detector import Detector
from models.warm_up import WarmUp
from models.watch import Watch
from stream import key_flood
from stream.alert import Alert, AlertWriter
from stream.assembly import Assembly
from stream.dead_letter import DeadLetter
from stream.decode import Decoder
from stream.feature_log import FeatureLog
from stream.feedback.effect import FeedbackEffect
from stream.incidents import Incidents
from stream.key_flood import KeyFlood
from stream.malformed import PART, TITLE, malformed_verdicts
from stream.memory_start import MemoryStart
from stream.model_registry.serving import Served
from stream.record import Record
from stream.scored_rows import ScoredRows
from stream.shadow import Shadow


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
        self._decoders = [Decoder(number, settings.decode) for number in range(n)]
        self._partitions = [assembly.partition() for _ in range(n)]
        self._judges = [assembly.judge(number, self._partitions[number].spaces) for number in range(n)]
        self._explainers = [assembly.explainer(self._judges[k], self._partitions[k].spaces) for k in range(n)]
        self._floods = [KeyFlood(k, self._partitions[k].spaces) for k in range(n)]
        self._across: Across = assembly.across(n)
        self._incidents = Incidents(settings.alerts, Policy.load(settings.alerts.policy_file).answer)
        titles = assembly.titles | {PART: TITLE, key_flood.PART: key_flood.TITLE}
        self.feedback = FeedbackEffect(settings.feedback, settings.judge) if settings.feedback.on else None
        self.models, self.skew = assembly.versions, assembly.skew
        self.shadows: list[Shadow] = []
        self.feature_log = FeatureLog.of(settings, self.models)
        self._memory = MemoryStart(n)
        self._writer = AlertWriter(settings.instance, settings.kafka.orders_topic, titles)

    @property
    def clock_ms(self) -> int:
        """The event time that the log has reached."""
        return self._across.clock_ms

    @property
    def held_back(self) -> dict[str, int]:
        """Family -> conditions that its budget of alerts has held back so far (`alerts.budget_per_day`)."""
        return dict(self._incidents.held_back)

    @property
    def evicted(self) -> dict[str, int]:
        """Kind of key -> keys forgotten so far, of all partitions, because their space was full (`state.max_*`)."""
        evicted: Counter[str] = Counter()
        for partition in self._partitions:
            evicted.update({kind: space.evicted_total for kind, space in partition.spaces.items()})
        return dict(evicted)

    @property
    def warming_up(self) -> dict[str, WarmUp]:
        """The parts that have no opinion yet, and how far they are; of partitions, the one that is least far."""
        parts = self._across.warm_ups
        for watch in (watch for judge in self._judges for watch in judge.watches):
            parts[watch.name] = min(parts.get(watch.name, watch.warm_up), watch.warm_up)
        return {name: warm_up for name, warm_up in parts.items() if not warm_up.is_over}

    def serve(self, name: str, model: Served, copies: Sequence[tuple[Detector, Calibration]]) -> None:
        """Have a detector go on as another model from the next batch on; `copies` : one of its own a partition."""
        for judge, copy in zip(self._judges, copies, strict=True):
            judge.serve(name, model.version, model.package.features, *copy)
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
        decoded = self._decoders[partition].decode(records)
        batch = decoded.batch
        clock_before_ms = self._partitions[partition].clock_ms
        self._partitions[partition].transform(batch)
        verdicts = self._explainers[partition].explain(batch, self._judges[partition].judge(batch))
        for shadow in self.shadows:
            shadow.look(partition, batch, self._judges[partition].watches)
        self._memory.see(partition, batch)
        if self.feature_log:
            self.feature_log.take(partition, self._memory[partition], batch, self._scoring(partition))
        verdicts += self._floods[partition].look(batch)
        verdicts += malformed_verdicts(decoded.dead_letters, batch, partition, clock_before_ms)
        self._across.add(self._across.cut(partition, batch, verdicts, self._partitions[partition].spaces))
        outcome = Outcome(held=self._held()) if more else self._told(wait=wait)
        outcome.dead_letters = decoded.dead_letters
        outcome.events = len(batch)
        outcome.duplicates = decoded.duplicates
        outcome.late = int(np.count_nonzero(batch.late))
        return outcome

    def advance(self, now_ms: int) -> Outcome:
        """Let event time pass where nothing arrives: silence is a signal, and deadlines end without an event."""
        for number, partition in enumerate(self._partitions):
            self._across.hold(self._judges[number].judge_silence(partition.advance(now_ms)))
        self._across.advance(now_ms)
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
        self._memory.restored(self.clock_ms)

    def _parts(self) -> dict[str, Stateful]:
        parts: dict[str, Stateful] = {"across": self._across, "incidents": self._incidents, "memory": self._memory}
        for number in range(len(self._partitions)):
            parts[f"seen.{number}"] = self._decoders[number]
            parts[f"partition.{number}"] = self._partitions[number]
            parts[f"judge.{number}"] = self._judges[number]
            parts[f"explainer.{number}"] = self._explainers[number]
            parts[f"key_flood.{number}"] = self._floods[number]
        if self.feature_log:
            parts["feature_log"] = self.feature_log
        if self.feedback:
            parts["feedback"] = self.feedback
        return parts

    def _scoring(self, partition: int) -> list[Watch]:
        """Who has just scored a batch of the partition."""
        return [*self._judges[partition].watches, *(one.watches[partition] for one in self.shadows if one.is_well)]

    def _held(self) -> dict[int, int]:
        held = self._across.held()
        return self.feature_log.held(held) if self.feature_log else held

    def _told(self, *, wait: bool) -> Outcome:
        verdicts, reached_ms = self._across.release(wait=wait)
        scored = self.feature_log.release(reached_ms, verdicts) if self.feature_log else []
        if self.feedback:
            verdicts = self.feedback.passed(verdicts)
        alerts = [
            self._writer.write(told, self._across.usual.at(told.clock_ms))
            for told in self._incidents.take(verdicts, reached_ms)
        ]
        return Outcome(alerts=alerts, held=self._held() if wait else {}, scored=scored)


def _register(settings: Settings) -> PromotionRegister:
    path = settings.promotions.file
    return PromotionRegister({}) if path is None else PromotionRegister.load(path)
