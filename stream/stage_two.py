"""Stage two: where the partitions meet. Slices go in; verdicts come out in one order, become conditions, and alerts."""

from __future__ import annotations

from collections.abc import Sequence

from config.policy import Policy
from config.settings import Settings
from features.state import Stateful
from models.across import Across, Slice
from models.verdict import Verdict
from models.warm_up import WarmUp
from stream import key_flood
from stream.alert import Alert, AlertWriter
from stream.assembly import Assembly
from stream.feedback.effect import FeedbackEffect
from stream.incidents import Incidents
from stream.inhibition import waits_ms
from stream.malformed import PART, TITLE


class StageTwo:
    """Merges the slices of all partitions and tells what is wrong.

    Parameters
    ----------
    settings, assembly
        Everything that can be set, and the parts that it turns on.
    across
        Where slices are merged.
    """

    def __init__(self, settings: Settings, assembly: Assembly, across: Across) -> None:
        """Start with no slice and no condition."""
        self._across = across
        waits = waits_ms(settings.stages.limits_seconds)
        self._incidents = Incidents(settings.alerts, Policy.load(settings.alerts.policy_file).answer, waits)
        titles = assembly.titles | {PART: TITLE, key_flood.PART: key_flood.TITLE}
        self.feedback = FeedbackEffect(settings.feedback, settings.judge) if settings.feedback.on else None
        self._writer = AlertWriter(settings.instance, settings.kafka.orders_topic, titles)

    @property
    def clock_ms(self) -> int:
        """The event time that the partition farthest ahead has reached."""
        return self._across.clock_ms

    @property
    def warm_ups(self) -> dict[str, WarmUp]:
        """How far each series is that has to learn what is usual first."""
        return self._across.warm_ups

    @property
    def held_back(self) -> dict[str, int]:
        """Family -> conditions that its budget of alerts has held back so far (`alerts.budget_per_day`)."""
        return dict(self._incidents.held_back)

    def add(self, piece: Slice) -> None:
        """Take in a slice; nothing is told by that."""
        self._across.add(piece)

    def hold(self, verdicts: Sequence[Verdict]) -> None:
        """Take in verdicts that no slice brought."""
        self._across.hold(verdicts)

    def advance(self, now_ms: int) -> None:
        """Let event time pass in every partition: nothing has come, and nothing is waiting to be read."""
        self._across.advance(now_ms)

    def held(self) -> dict[int, int]:
        """Partition -> offset of the earliest record whose verdict or order still waits."""
        return self._across.held()

    def reached_ms(self, *, wait: bool) -> int:
        """How far the merged log may be released: with `wait`, as far as every partition has come."""
        return self._across.reached_ms(wait=wait)

    def release(self, upto_ms: int) -> list[Verdict]:
        """Take out the verdicts before `upto_ms`, in the merged order."""
        return self._across.release(upto_ms)

    def told(self, verdicts: Sequence[Verdict], upto_ms: int) -> list[Alert]:
        """The alerts that follow of verdicts that were released up to there."""
        if self.feedback:
            verdicts = self.feedback.passed(verdicts)
        return [
            self._writer.write(told, self._across.usual.at(told.clock_ms))
            for told in self._incidents.take(verdicts, upto_ms)
        ]

    def parts(self) -> dict[str, Stateful]:
        """All that remembers anything, by name."""
        parts: dict[str, Stateful] = {"across": self._across, "incidents": self._incidents}
        return parts | ({"feedback": self.feedback} if self.feedback else {})
