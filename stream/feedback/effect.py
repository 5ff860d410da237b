r"""What feedback changes of what is told, between the merged verdicts and the incidents.

* **Bars.** A `false` alert asks its entity, within its family, for rarer scores; a `true` one takes a step back:

      told if  -log10(1 - score) >= -log10(1 - alert_score) + bar,    bar = clip(sum of steps, 0, max_decades)

  The family as a whole takes a fifth of each step. A step is forgotten after `keep_seconds`. Hard evidence, whose
  score is 1 as nearly as can be, passes any bar: what a fixed rule finds is silenced by name or not at all.
* **Suppressions.** An `expected` condition is not told for `suppress_seconds`. What it hides is counted, and shown.
  Once that is worth more than `loss_limit` it lifts itself: the condition is told, with all the loss that was hidden.
  So does a `true` of the same condition.

Feedback holds from the time at which it was given, in event time: so what is told depends on the two logs, and not
on when one was read.
"""

from __future__ import annotations

import logging
import math
from bisect import insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec

from features.state import State, read_back, written
from models.verdict import Verdict, family_of
from stream.incident import fingerprint_of

if TYPE_CHECKING:
    from config.sections import FeedbackSettings, JudgeSettings
    from stream.feedback.event import Feedback

log = logging.getLogger(__name__)

_FAMILY_SHARE: Final = 0.2
_MOST_DECADES: Final = 16.0
_MOST_NAMED: Final = 20


class Hidden(msgspec.Struct):
    """What a suppression has kept back: signs, their loss in ten thousandths of a unit, and the first orders."""

    count: int = 0
    loss_e4: int = 0
    currency: str = ""
    order_ids: list[str] = []
    lifted_ms: int = 0


@dataclass(frozen=True, slots=True, order=True)
class _Step:
    at_ms: int
    by: float


@dataclass(slots=True)
class Suppression:
    """A condition that is expected, until when, and what that has hidden so far."""

    feedback: Feedback
    until_ms: int
    hidden: Hidden

    def holds(self, now_ms: int) -> bool:
        """Whether it silences a sign of that time."""
        return self.feedback.at_ms <= now_ms < self.until_ms and not self.hidden.lifted_ms


class FeedbackEffect:
    """All that analysts have said, at work on the verdicts of the merged log.

    Parameters
    ----------
    settings
        Steps, bounds, times and the loss limit.
    judge
        From which score on a family tells, to begin with.
    """

    def __init__(self, settings: FeedbackSettings, judge: JudgeSettings) -> None:
        """Nothing has been said."""
        self._settings, self._judge = settings, judge
        self._steps: defaultdict[tuple[str, ...], list[_Step]] = defaultdict(list)
        self._known: set[str] = set()
        self._suppressions: dict[str, list[Suppression]] = {}
        self._remembered: dict[str, Hidden] = {}
        self.held_back = 0

    def take(self, feedback: Feedback) -> None:
        """Take in what was said; the same words a second time change nothing."""
        if feedback.id in self._known:
            return
        self._known.add(feedback.id)
        sign = {"false": 1.0, "true": -1.0}.get(feedback.said, 0.0)
        family = family_of(feedback.kind)
        if sign:
            step = sign * self._settings.step_decades
            insort(self._steps[family, feedback.entity_type, feedback.entity], _Step(feedback.at_ms, step))
            insort(self._steps[family,], _Step(feedback.at_ms, step * _FAMILY_SHARE))
        if feedback.said == "true":
            for one in self._suppressions.get(feedback.fingerprint, ()):
                one.until_ms = min(one.until_ms, max(feedback.at_ms, one.feedback.at_ms))
        if feedback.said == "expected":
            until_ms = feedback.at_ms + int(self._settings.suppress_seconds * 1000)
            hidden = self._remembered.pop(feedback.id, Hidden())
            self._suppressions.setdefault(feedback.fingerprint, []).append(Suppression(feedback, until_ms, hidden))

    def passed(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        """The verdicts that go on to become alerts, in their order."""
        if not self._known:
            return list(verdicts)
        return [kept for verdict in verdicts if (kept := self._passed(verdict)) is not None]

    def bar_decades(self, kind: str, entity_type: str, entity: str, at_ms: int) -> float:
        """How much rarer than usual a score must be, in powers of ten."""
        family = family_of(kind)
        own, whole = self._steps.get((family, entity_type, entity)), self._steps.get((family,))
        return min(self._settings.max_decades, self._sum(own, at_ms) + self._sum(whole, at_ms))

    def suppressions(self) -> list[Suppression]:
        """All of them, those that are over too."""
        return [one for some in self._suppressions.values() for one in some]

    def get_state(self) -> State:
        """What each suppression has hidden; what was said is on its topic."""
        hidden = {one.feedback.id: one.hidden for one in self.suppressions()}
        return {"hidden": written(self._remembered | hidden)}

    def set_state(self, state: State) -> None:
        """Go on with what was hidden so far."""
        self._remembered = read_back(state["hidden"], dict[str, Hidden]) if state else {}
        for one in self.suppressions():
            one.hidden = self._remembered.pop(one.feedback.id, Hidden())

    def _passed(self, verdict: Verdict) -> Verdict | None:
        for suppression in self._suppressions.get(fingerprint_of(verdict), ()) if self._suppressions else ():
            if suppression.holds(verdict.clock_ms):
                return self._hide(suppression, verdict)
        if self._steps and not self._is_over_the_bar(verdict):
            self.held_back += 1
            return None
        return verdict

    def _is_over_the_bar(self, verdict: Verdict) -> bool:
        bar = self.bar_decades(verdict.kind, verdict.entity_type, verdict.entity, verdict.clock_ms)
        usual = self._judge.alert_score_of(family_of(verdict.kind))  # type: ignore[arg-type]  # a kind's family is one
        return not bar or _decades(verdict.score) >= _decades(usual) + bar

    def _hide(self, suppression: Suppression, verdict: Verdict) -> Verdict | None:
        """Count a sign as hidden, or lift the suppression with it."""
        hidden = suppression.hidden
        hidden.count += 1
        hidden.loss_e4 += verdict.loss_e4
        hidden.currency = verdict.currency or hidden.currency
        if verdict.order_id and len(hidden.order_ids) < _MOST_NAMED:
            hidden.order_ids.append(verdict.order_id)
        if hidden.loss_e4 <= self._settings.loss_limit * 10_000:
            return None
        hidden.lifted_ms = verdict.clock_ms
        told = (
            "%s %s was expected (%s); it is told again, since %d signs worth %.2f were hidden: over feedback.loss_limit"
        )
        said = suppression.feedback
        log.warning(told, said.kind, said.entity, said.author, hidden.count, hidden.loss_e4 / 10_000)
        return replace(verdict, loss_e4=hidden.loss_e4, currency=hidden.currency)

    def _sum(self, steps: list[_Step] | None, at_ms: int) -> float:
        """The steps that hold at a time, one after the other, never below 0 or above the most."""
        bar, oldest_ms = 0.0, at_ms - self._settings.keep_seconds * 1000
        for step in steps or ():
            if oldest_ms < step.at_ms <= at_ms:
                bar = min(self._settings.max_decades, max(0.0, bar + step.by))
        return bar


def _decades(score: float) -> float:
    """How rare a score is, in powers of ten; at most as rare as numbers can tell."""
    return min(_MOST_DECADES, -math.log10(max(1.0 - score, 10.0**-_MOST_DECADES)))
