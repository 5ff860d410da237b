"""Verdicts -> transitions: one alert a condition, updated while it grows, resolved when it is over.

A condition is a fingerprint: kind, entity type and entity. Its first verdict (its `min_count`-th, where the
policy asks for more) fires. It is updated each time it has become `_GROWTH` times as large, never within the
cooldown. It is resolved when no verdict has come for `resolve_after_seconds`. A condition that comes back
within the cooldown of its last notification goes on in silence until that is over.

Whether it fires is also up to the budget of its family (`models.budget`), unless the policy says `always`. One
that is held back is counted and not lost: each further sign asks again, and one that lacked nothing but room
fires, the worthiest first, at the family's next verdict after room came back.

All of it runs in event time along the merged log, so the same log gives the same transitions, whenever and
in whatever pieces it is read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from config.policy import Answer
from config.sections import AlertSettings
from features.state import State, gathered, part_of, read_back, written
from models.budget import Budget, Claim
from models.verdict import Verdict, family_of
from stream.incident import Incident, Notification, Transition, draw_of, fingerprint_of, id_of
from stream.incident_state import WrittenIncident, read_incident, write_incident
from stream.inhibition import LINGERING, LINGERS_MS, Condition, is_muted

_GROWTH: Final = 20


class Incidents:
    """The conditions that hold, over the whole merged log.

    `held_back` counts by family the conditions that their budget refused at least once, and `told_late` those of
    them that fired all the same.

    Parameters
    ----------
    settings
        Budgets, cooldown, time to resolve, and how many orders an alert names.
    answer_of
        The policy: kind -> answer.
    waits_ms
        Kind -> how long an order waits before it is one (`stream.inhibition.waits_ms`).
    """

    def __init__(
        self,
        settings: AlertSettings,
        answer_of: Callable[[str], Answer],
        waits_ms: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Start with no condition."""
        self._waits_ms = waits_ms
        self._lingers_ms = max(LINGERS_MS, *(wait_ms + LINGERS_MS for wait_ms in waits_ms.values()), 0)
        self._settings = settings
        self._answer_of = answer_of
        self.held_back: Counter[str] = Counter()
        self.told_late: Counter[str] = Counter()
        self._budgets: dict[str, Budget] = {}
        self._waiting: defaultdict[str, dict[str, Incident]] = defaultdict(dict)
        self._open: dict[str, Incident] = {}
        self._quiet_until_ms: dict[str, int] = {}
        self._lately: list[Condition] = []
        self._next_end_ms: int | None = None

    def __len__(self) -> int:
        """Conditions that hold."""
        return len(self._open)

    def take(self, verdicts: Iterable[Verdict], upto_ms: int) -> Iterator[Notification]:
        """Take in verdicts in the order of the merged log, which has reached `upto_ms`.

        An incident goes on changing: write a notification down before asking for the next one.
        """
        for verdict in verdicts:
            yield from self._resolve(verdict.clock_ms)
            yield from self._tell_waiting(family_of(verdict.kind), verdict.clock_ms)
            yield from self._join(verdict)
        yield from self._resolve(upto_ms)

    def get_state(self) -> State:
        """The conditions that hold, what waits, and what each family may still tell."""
        places = {id(claim): i for budget in self._budgets.values() for i, claim in enumerate(budget.peers)}
        own: State = {
            "open": written([write_incident(incident, places) for incident in self._open.values()]),
            "waiting": written({family: list(waiting) for family, waiting in self._waiting.items()}),
            "quiet_until_ms": written(self._quiet_until_ms),
            "lately": written(self._lately),
            "counts": written((self.held_back, self.told_late, self._next_end_ms)),
        }
        return gathered({"own": own} | {f"budget.{name}": one.get_state() for name, one in self._budgets.items()})

    def set_state(self, state: State) -> None:
        """Go on from these conditions, under the policy of now."""
        names = {name.partition("/")[0] for name in state if name.startswith("budget.")}
        self._budgets.clear()
        for name in sorted(names):
            self._budget_of(name.removeprefix("budget.")).set_state(part_of(state, name))
        read = [
            read_incident(one, self._answer_of, self._budgets)
            for one in read_back(state["own/open"], list[WrittenIncident])
        ]
        self._open = {incident.fingerprint: incident for incident in read}
        self._waiting.clear()
        for family, waiting in read_back(state["own/waiting"], dict[str, list[str]]).items():
            self._waiting[family] = {fingerprint: self._open[fingerprint] for fingerprint in waiting}
        self._quiet_until_ms = read_back(state["own/quiet_until_ms"], dict[str, int])
        self._lately = read_back(state["own/lately"], list[Condition])
        counts = read_back(state["own/counts"], tuple[dict[str, int], dict[str, int], int | None])
        self.held_back, self.told_late, self._next_end_ms = Counter(counts[0]), Counter(counts[1]), counts[2]

    def _join(self, verdict: Verdict) -> Iterable[Notification]:
        fingerprint = fingerprint_of(verdict)
        incident = self._open.get(fingerprint)
        if incident is None:
            if self._is_explained(verdict):
                return
            incident = self._open[fingerprint] = self._opened(fingerprint, verdict)
        incident.add(verdict, self._settings.max_order_ids)
        ends_ms = incident.last_clock_ms + self._resolve_after_ms(incident)
        self._next_end_ms = ends_ms if self._next_end_ms is None else min(self._next_end_ms, ends_ms)
        if incident.count >= incident.answer.min_count and not incident.answer.always:
            # told or not: what others are ranked against must not depend on the budget
            self._budget_of(family_of(verdict.kind)).see(incident.claim, incident.worth)
        if self._is_worth_telling(incident, verdict.clock_ms) and self._is_within_budget(incident, verdict.clock_ms):
            yield self._tell(incident, verdict.clock_ms, verdict)

    def _opened(self, fingerprint: str, verdict: Verdict) -> Incident:
        answer, claim = self._answer_of(verdict.kind), Claim(draw_of(fingerprint, verdict.clock_ms))
        return Incident(fingerprint, verdict, answer, verdict.time_ms, verdict.time_ms, verdict.clock_ms, claim)

    def _is_explained(self, verdict: Verdict) -> bool:
        known = [*(_condition(one) for one in self._open.values() if one.n_notified), *self._lately]
        return is_muted(verdict, known, self._waits_ms.get(verdict.kind, 0))

    def _is_worth_telling(self, incident: Incident, clock_ms: int) -> bool:
        if clock_ms < self._quiet_until_ms.get(incident.fingerprint, 0):
            return False
        if incident.n_notified == 0:
            return incident.count >= incident.answer.min_count
        # a window that stays odd is one condition, however many panes it lasts
        return incident.head.window_ms is None and incident.count >= _GROWTH * incident.count_notified

    def _is_within_budget(self, incident: Incident, clock_ms: int) -> bool:
        """Ask the family's budget; what `always` fires, and the updates of what has fired, cost nothing."""
        if incident.answer.always or incident.n_notified:
            return True
        family = family_of(incident.head.kind)
        granted = self._budget_of(family).ask(incident.claim, incident.worth, clock_ms)
        if incident.was_held_back and granted:
            self.told_late[family] += 1
        elif not incident.was_held_back and not granted:
            incident.was_held_back = True
            self.held_back[family] += 1
        if incident.claim.passed and not granted:
            self._waiting[family][incident.fingerprint] = incident
        else:
            self._waiting[family].pop(incident.fingerprint, None)
        return granted

    def _budget_of(self, family: str) -> Budget:
        if family not in self._budgets:
            per_day = self._settings.budget_per_day_of(family)  # type: ignore[arg-type]  # a kind's family is one
            self._budgets[family] = Budget(per_day)
        return self._budgets[family]

    def _tell_waiting(self, family: str, clock_ms: int) -> Iterator[Notification]:
        """Fire what only lacked room, as far as there is room now: if the best may not, none may."""
        while waiting := self._waiting.get(family):
            best = max(waiting.values(), key=lambda one: (one.claim.worth, one.fingerprint))
            if not self._is_within_budget(best, clock_ms):
                return
            yield self._tell(best, clock_ms, None)

    def _tell(self, incident: Incident, clock_ms: int, trigger: Verdict | None) -> Notification:
        transition: Transition = "update" if incident.n_notified else "firing"
        name = f"update-{incident.n_notified}" if incident.n_notified else "firing"
        incident.n_notified += 1
        incident.count_notified = incident.count
        incident.notified_ms = clock_ms
        self._quiet_until_ms[incident.fingerprint] = clock_ms + self._cooldown_ms(incident)
        sign = trigger or incident.head
        at_ms = sign.window_ms[1] if sign.window_ms else sign.time_ms
        return Notification(id_of(incident, name, at_ms), transition, incident, clock_ms, trigger)

    def _resolve(self, now_ms: int) -> list[Notification]:
        """End the conditions of which nothing was seen for long enough, in the order in which they ended."""
        if self._next_end_ms is None or now_ms < self._next_end_ms:
            return []
        ends = {fp: one.last_clock_ms + self._resolve_after_ms(one) for fp, one in self._open.items()}
        over = sorted((end_ms, fp) for fp, end_ms in ends.items() if end_ms <= now_ms)
        told = []
        for end_ms, fingerprint in over:
            incident = self._open.pop(fingerprint)
            self._waiting[family_of(incident.head.kind)].pop(fingerprint, None)
            if incident.n_notified:
                told.append(Notification(id_of(incident, "resolved", end_ms), "resolved", incident, end_ms, None))
                self._lately += [_condition(incident, is_over=True)] if incident.head.kind in LINGERING else []
        self._lately = [one for one in self._lately if one.last_ms + self._lingers_ms > now_ms]
        self._next_end_ms = min((end_ms for fp, end_ms in ends.items() if fp in self._open), default=None)
        self._quiet_until_ms = {fp: until for fp, until in self._quiet_until_ms.items() if until > now_ms}
        return told

    def _resolve_after_ms(self, incident: Incident) -> int:
        return int((incident.answer.resolve_after_seconds or self._settings.resolve_after_seconds) * 1000)

    def _cooldown_ms(self, incident: Incident) -> int:
        return int((incident.answer.cooldown_seconds or self._settings.cooldown_seconds) * 1000)


def _condition(incident: Incident, *, is_over: bool = False) -> Condition:
    head = incident.head
    begins_ms = min(incident.started_ms, head.window_ms[0] if head.window_ms else incident.started_ms)
    return Condition(head.kind, head.entity_type, head.entity, incident.count, incident.last_ms, is_over, begins_ms)
