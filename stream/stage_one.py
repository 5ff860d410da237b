"""Stage one: what a partition can know of its orders by itself. Decode, look, judge, explain; a slice comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from config.settings import Settings
from features.state import Stateful
from models.across import Across, Slice
from models.calibration import Calibration
from models.detector import Detector
from models.verdict import Verdict
from models.warm_up import WarmUp
from models.watch import Watch
from stream.assembly import Assembly
from stream.dead_letter import DeadLetter
from stream.decode import Decoder
from stream.feature_log import FeatureLog
from stream.key_flood import KeyFlood
from stream.malformed import malformed_verdicts
from stream.memory_start import MemoryStart
from stream.model_registry.serving import Served
from stream.record import Record
from stream.senders import Senders
from stream.shadow import Shadow


@dataclass(slots=True)
class Judged:
    """What some records of a partition led to there; `piece` is what the other partitions must know."""

    piece: Slice
    dead_letters: list[DeadLetter]
    events: int
    duplicates: int
    late: int


class StageOne:
    """Judges the records of each partition by what was seen in it.

    Parameters
    ----------
    settings, assembly
        Everything that can be set, and the parts that it turns on.
    partitions
        How many partitions the log has.
    across
        Cuts what leaves a partition; it is not changed by that.
    """

    def __init__(self, settings: Settings, assembly: Assembly, partitions: int, across: Across) -> None:
        """Build the parts of each partition."""
        n = partitions
        self._across = across
        self._decoders = [Decoder(number, settings.decode) for number in range(n)]
        self._partitions = [assembly.partition() for _ in range(n)]
        self._judges = [assembly.judge(number, self._partitions[number].spaces) for number in range(n)]
        self._explainers = [assembly.explainer(self._judges[k], self._partitions[k].spaces) for k in range(n)]
        self._floods = [KeyFlood(k, self._partitions[k].spaces) for k in range(n)]
        self._senders = [Senders() for _ in range(n)]
        self.shadows: list[Shadow] = []
        self.feature_log = FeatureLog.of(settings, assembly.versions)
        self.memory = MemoryStart(n)

    @property
    def evicted(self) -> dict[str, int]:
        """Kind of key -> keys forgotten so far, of all partitions, because their space was full (`state.max_*`)."""
        evicted: Counter[str] = Counter()
        for partition in self._partitions:
            evicted.update({kind: space.evicted_total for kind, space in partition.spaces.items()})
        return dict(evicted)

    @property
    def warm_ups(self) -> dict[str, WarmUp]:
        """How far each detector is; of partitions, the one that is least far."""
        least: dict[str, WarmUp] = {}
        for watch in (watch for judge in self._judges for watch in judge.watches):
            least[watch.name] = min(least.get(watch.name, watch.warm_up), watch.warm_up)
        return least

    def serve(self, name: str, model: Served, copies: Sequence[tuple[Detector, Calibration]]) -> None:
        """Have a detector go on as another model from the next batch on; `copies` : one of its own a partition."""
        for judge, copy in zip(self._judges, copies, strict=True):
            judge.serve(name, model.version, model.package.features, *copy)

    def clock_ms(self, partition: int) -> int:
        """The event time that a partition has reached."""
        return self._partitions[partition].clock_ms

    def process(self, partition: int, records: Sequence[Record]) -> Judged:
        """Judge records of one partition, in offset order."""
        decoded = self._decoders[partition].decode(records)
        batch = decoded.batch
        clock_before_ms = self._partitions[partition].clock_ms
        self._partitions[partition].transform(batch)
        verdicts = self._explainers[partition].explain(batch, self._judges[partition].judge(batch))
        for shadow in self.shadows:
            shadow.look(partition, batch, self._judges[partition].watches)
        self.memory.see(partition, batch)
        if self.feature_log:
            self.feature_log.take(partition, self.memory[partition], batch, self._scoring(partition))
        verdicts += self._floods[partition].look(batch)
        letters = decoded.dead_letters
        verdicts += malformed_verdicts(letters, batch, partition, clock_before_ms, self._senders[partition])
        piece = self._across.cut(partition, batch, verdicts, self._partitions[partition].spaces)
        late = int(np.count_nonzero(batch.late))
        return Judged(piece, decoded.dead_letters, len(batch), decoded.duplicates, late)

    def advance(self, partition: int, now_ms: int) -> list[Verdict]:
        """Let event time pass in a partition where nothing arrives: deadlines end without an event."""
        return self._judges[partition].judge_silence(self._partitions[partition].advance(now_ms))

    def parts(self, partition: int) -> dict[str, Stateful]:
        """All that remembers anything of a partition, by name."""
        return {
            f"seen.{partition}": self._decoders[partition],
            f"partition.{partition}": self._partitions[partition],
            f"judge.{partition}": self._judges[partition],
            f"explainer.{partition}": self._explainers[partition],
            f"key_flood.{partition}": self._floods[partition],
            f"senders.{partition}": self._senders[partition],
        }

    def _scoring(self, partition: int) -> list[Watch]:
        """Who has just scored a batch of the partition."""
        return [*self._judges[partition].watches, *(one.watches[partition] for one in self.shadows if one.is_well)]
