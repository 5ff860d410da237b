"""A volume series at work: its keys, its baseline, and the verdicts on windows that close."""

from __future__ import annotations

from typing import Final, Protocol

from config.calendar import Calendar
from config.promotions import PromotionRegister
from features.keys import Keys
from features.state import State, gathered, part_of
from models.open_panes import Counted
from models.verdict import Signal, Verdict
from models.verdict_across import verdict_across
from models.volume_findings import SURGE, Findings, Tally
from models.volume_series import NO_KEY, VolumeSeries
from models.warm_up import WarmUp

_MOST_FINDINGS: Final = 1 << 32
_PLAN_SLACK: Final = 2.0
"""A plan is a guess: as many times what it says is still no surprise."""
_STILL: Final = 0.1
"""Share of the usual least that must come even when a planned sale has ended: silence is no way back."""


class Baseline(Protocol):
    """What is usual, pane by pane."""

    def close_tally(self, upto: int, tally: Tally) -> Findings:
        """Judge and learn the panes up to and with `upto`."""

    @property
    def warm_up(self) -> WarmUp:
        """What was learned, of what it takes before anything is found."""

    def get_state(self) -> State:
        """Everything learned."""

    def set_state(self, state: State) -> None:
        """Go on from `get_state`."""


class VolumeCount:
    """One series: keys in, verdicts out.

    Parameters
    ----------
    rank
        Its place among the series: what closes at the same time is told in that order, the whole before parts.
    name, weight
        The part's name, and how much its word counts.
    series
        What is counted.
    baseline
        What is usual.
    keys
        The series' own key space.
    promotions
        Plans that a surge may follow.
    calendar
        Days that bring another number of events than usual: the range of a seasonal series is widened on them.
    """

    def __init__(
        self,
        rank: int,
        name: str,
        weight: float,
        series: VolumeSeries,
        baseline: Baseline,
        keys: Keys,
        promotions: PromotionRegister,
        calendar: Calendar,
    ) -> None:
        """Start with no key."""
        self.series = series
        self._rank = rank
        self._name, self._weight = name, weight
        self._baseline, self._keys, self._promotions, self._calendar = baseline, keys, promotions, calendar

    def close(self, upto: int, counted: Counted, pane_ms: int, lateness_ms: int) -> list[Verdict]:
        """Verdicts on the windows that the panes up to and with `upto` complete.

        Keys get their rows as panes close, in the order of their bits, so that no row depends on who was read first.
        """
        rows, fresh = self._keys.rows(counted.keys)
        found = self._baseline.close_tally(upto, Tally(rows, counted.panes, counted.counts, fresh))
        verdicts = (self._verdict(found, i, pane_ms, lateness_ms) for i in range(len(found)))
        return [verdict for verdict in verdicts if verdict is not None]

    @property
    def warm_up(self) -> WarmUp:
        """How far what is usual is known."""
        return self._baseline.warm_up

    def get_state(self) -> State:
        """Keys, and what is usual of them."""
        return gathered({"keys": self._keys.get_state(), "baseline": self._baseline.get_state()})

    def set_state(self, state: State) -> None:
        """Go on from there."""
        self._keys.set_state(part_of(state, "keys"))
        self._baseline.set_state(part_of(state, "baseline"))

    def _verdict(self, found: Findings, i: int, pane_ms: int, lateness_ms: int) -> Verdict | None:
        kind = self.series.kinds.get(int(found.direction[i]))
        key, observed = self._keys.names[int(found.row[i])], int(found.observed[i])
        end_ms = (int(found.pane[i]) + 1) * pane_ms
        window_ms = (end_ms - int(found.window_panes[i]) * pane_ms, end_ms)
        if kind is None or key == NO_KEY or self.series.is_expected(key, observed, window_ms, self._promotions):
            return None
        low, high = self._range(found, i, window_ms)
        if low <= observed <= high:
            return None
        score = 1.0 - float(found.p_value[i])
        signal = Signal(self._name, kind, score, self._weight, observed, low, high, is_rule=False, contribution=score)
        place = self._rank * _MOST_FINDINGS + i
        return verdict_across(signal, self.series.entity_type, key, end_ms, lateness_ms, place, window_ms)

    def _range(self, found: Findings, i: int, window_ms: tuple[int, int]) -> tuple[float, float]:
        """The range of a window's count, widened by what the calendar and the promotions foresee for it."""
        low, high = float(found.low[i]), float(found.high[i])
        if not self.series.is_seasonal:
            return low, high
        least, most = self._calendar.times_usual(*window_ms)
        if SURGE not in self.series.kinds:
            return low * least, high * most
        planned, over = self._promotions.planned_orders(*window_ms), self._promotions.planned_until_lately(*window_ms)
        low = max(low - _PLAN_SLACK * over, _STILL * low)
        return low * least, high * most + _PLAN_SLACK * planned
