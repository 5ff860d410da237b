r"""At most N alerts a day: online false-discovery control in event time, one budget a family.

What is tested is a condition, not an order: the hypothesis is that it is one of the ordinary ones, and rejecting
that is to tell it. Three steps, all on the clock of the merged log, none of which waits for the end of the day:

**Worth.** Certainty times cost, in decades (`worth`). It only grows while a condition lasts.

**p.** The worth of a condition is ranked among its family's last `PEERS` others, told or not. With g of n above
it, t level with it and U a fixed draw in (0, 1):

    p = (g + U (t + 1)) / (n + 1),      or, beyond the best of them,      p = 10^(best - worth) / (n + 1)

The first is the smoothed conformal p-value, uniform whatever the scores are like. The second is exact where
P(10^worth > x) ~ 1/x, which is how the reciprocal of a p-value behaves, and conservative for lighter tails. As worth
only grows, p only falls: what holds for its last value holds at whatever moment one looks.

**Wealth.** A generalised alpha-investing rule with decaying memory. It begins with M = max((1 - a) N, 2), and

    time    W <- M - (M - W) e^(-d/T)                        earns at most M / T = (1 - a) N a day, holds at most M
    test    level <- min(1, level + W), W <- W less what was added       bets what there is
    passes  if p <= level: W <- min(M, W + a)                a discovery earns a = `FALSE_SHARE`

(T is a day; for N below 3 it is longer, so that a whole alert can be earned.) Levels never sum to more than was
earned, so with V ordinary conditions among R that passed in t days

    E V <= M + (1 - a) N t + a E R         (the mFDR of Foster and Stine; its eta is the rest of the sum over a)

and in traffic without anything to find, where V = R, about N a day pass: the best k-th part when k N a day come.
While clearly fewer than N come, W stays above 1 and all of them pass at once. A condition that is held back is
tested again when it grows, at what it has paid plus the wealth of then; its p needs no correction for that.

**Room.** What passes is told if fewer than N were told within 24 hours; the last tenth of the room is kept for the
rare: the best tenth of their peers (`RARE`), and the best two fifths of what passes (`RARE_OF_PASSED`). So neither
a flood of equals nor a week that is noisy throughout can use up all of it.

Laws: never more than N in any 24 hours. A larger N never tells fewer, of conditions that are asked about once.

LORD++ spreads what is earned over the next tests by their number; here time spreads it, since conditions come in
bursts, and a quiet week must neither starve the next test nor hoard for it. SAFFRON gains where many hypotheses are
not null, ADDIS where null p-values are conservative; ranks among all that comes are uniform, and what is calmer
than `judge.alert_score` was discarded before.

Caveats: the bounds on V are for independent conditions, and count what passes, which is at least what is told. Peers
that still grow are ranked as they are now, and several signs of one cause make conditions that depend on each
other; both make p a little too small. Room holds whatever p is like. Losses of several currencies are compared as
numbers.

Sources: Foster and Stine, Alpha-investing, JRSS B 70 (2008); Ramdas, Yang, Wainwright and Jordan, Online control of
the false discovery rate with decaying memory, NeurIPS 2017 (LORD++, mem-FDR); Javanmard and Montanari, Online rules
for control of false discovery rate and exceedance, Annals of Statistics 46 (2018); Ramdas, Zrnic, Wainwright and
Jordan, SAFFRON, ICML 2018; Tian and Ramdas, ADDIS, NeurIPS 2019; for tests that overlap in time, Zrnic, Ramdas and
Jordan, JMLR 22 (2021); for smoothed ranks, Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from config.policy import SEVERITIES, Severity
from features.state import State
from models.fusion import HARD_P

DAY_MS: Final = 86_400_000
FALSE_SHARE: Final = 0.2
"""a: part of a level that each discovery earns; four in five that are told should be something."""
PEERS: Final = 1_000
RARE: Final = 0.1
RARE_OF_PASSED: Final = 0.4
_LEAST_MOST: Final = 2.0  # with less, no test would ever be at level 1
_KEPT_OF: Final = 10  # one part in so many of the room is kept for the rare
_E4: Final = 10_000


def worth(score: float, count: int, loss_e4: int, severity: Severity) -> float:
    """What telling a condition is worth, in decades: log10(count / p), one for each step of severity, log10(1 + loss).

    p = 1 - `score`, not below `HARD_P`; the loss is in ten thousandths of a unit of whatever currency.

    >>> worth(0.999, 1, 0, "low"), worth(0.999, 10, 0, "high"), worth(1.0, 1, 990_000, "low")
    (3.0, 6.0, 11.0)
    """
    certainty = math.log10(count / max(1.0 - score, HARD_P))
    steps = len(SEVERITIES) - 1 - SEVERITIES.index(severity)
    return round(certainty + steps + math.log10(1.0 + max(loss_e4, 0) / _E4), 9)


@dataclass(slots=True, eq=False)
class Claim:
    """What one condition has been put forward with: `draw` in (0, 1) decides among equals."""

    draw: float
    worth: float = -math.inf
    level: float = 0.0
    passed: bool = False
    is_peer: bool = False


class Budget:
    """The alerts of one family.

    Parameters
    ----------
    per_day
        N, at least 0: most that are told within any 24 hours.

    >>> budget = Budget(per_day=2)
    >>> claims = [Claim(draw=0.5) for _ in range(4)]
    >>> [budget.ask(claim, 3.0, time_ms=1_000) for claim in claims]     # a flood of equals
    [True, True, False, False]
    >>> budget.ask(claims[2], 3.0, time_ms=1_000 + DAY_MS)              # one of them lasts until there is room again
    True
    """

    def __init__(self, per_day: int) -> None:
        """Start with the wealth of one day, and no peers."""
        self.per_day = per_day
        a_day = (1.0 - FALSE_SHARE) * per_day
        self.wealth = self._most = max(a_day, _LEAST_MOST) if per_day else 0.0
        self._memory_ms = DAY_MS * self._most / a_day if per_day else math.inf
        self._ordinary_room = per_day - (per_day + _KEPT_OF // 2) // _KEPT_OF
        self._time_ms = 0
        self._told: deque[int] = deque()
        self.peers: deque[Claim] = deque()
        self._worths: list[float] = []

    def get_state(self) -> State:
        """The wealth, the alerts of the last day, and the peers."""
        peers = [(claim.draw, claim.worth, claim.level, claim.passed) for claim in self.peers]
        return {
            "wealth": np.array([self.wealth]),
            "time_ms": np.array([self._time_ms]),
            "told": np.array(self._told, np.int64),
            "peers": np.array(peers, np.float64).reshape(-1, 4),
        }

    def set_state(self, state: State) -> None:
        """Go on from this wealth, under the budget of now."""
        self.wealth = min(float(state["wealth"][0]), self._most) if self.per_day else 0.0
        self._time_ms = int(state["time_ms"][0])
        self._told = deque(state["told"].tolist())
        rows = state["peers"].tolist()
        self.peers = deque(Claim(draw, worth, level, bool(passed), is_peer=True) for draw, worth, level, passed in rows)
        self._worths = sorted(claim.worth for claim in self.peers)

    def see(self, claim: Claim, worth: float) -> None:
        """Take a condition among the peers of the others, as it is now; `worth` never falls."""
        if claim.is_peer:
            del self._worths[bisect_left(self._worths, claim.worth)]
        elif claim.worth == -math.inf:
            self.peers.append(claim)
            claim.is_peer = True
        claim.worth = worth
        if claim.is_peer:
            insort(self._worths, worth)
        if len(self.peers) > PEERS:
            oldest = self.peers.popleft()
            oldest.is_peer = False
            del self._worths[bisect_left(self._worths, oldest.worth)]

    def ask(self, claim: Claim, worth: float, time_ms: int) -> bool:
        """Whether the condition may be told now; if so, that is counted. Times never run back."""
        self.see(claim, worth)
        self._earn(time_ms)
        if not claim.passed:
            self._test(claim)
        if not (claim.passed and self._has_room(claim)):
            return False
        self._told.append(self._time_ms)
        return True

    def p(self, claim: Claim) -> float:
        """Chance that an ordinary condition is worth so much; of equals, by their draws."""
        return self._p(claim, claim.draw)

    def _p(self, claim: Claim, draw: float) -> float:
        own = int(claim.is_peer)
        n = len(self._worths) - own
        above = len(self._worths) - bisect_right(self._worths, claim.worth)
        equal = n - above - bisect_left(self._worths, claim.worth)
        if n == 0:
            return 1.0
        if above + equal:
            return (above + draw * (equal + 1)) / (n + 1)
        return float(10.0 ** (self._worths[-1 - own] - claim.worth)) / (n + 1)

    def _earn(self, time_ms: int) -> None:
        kept = math.exp(-max(0, time_ms - self._time_ms) / self._memory_ms)
        self._time_ms = max(time_ms, self._time_ms)
        self.wealth = self._most - (self._most - self.wealth) * kept

    def _test(self, claim: Claim) -> None:
        level = min(1.0, claim.level + self.wealth)
        self.wealth = max(0.0, self.wealth - (level - claim.level))
        claim.level = level
        claim.passed = self.p(claim) <= level
        if claim.passed:
            self.wealth = min(self._most, self.wealth + FALSE_SHARE)

    def _has_room(self, claim: Claim) -> bool:
        while self._told and self._told[0] <= self._time_ms - DAY_MS:
            self._told.popleft()
        rare = min(RARE, RARE_OF_PASSED * claim.level)
        is_rare = self._p(claim, 1.0) <= rare  # equals count against it: a flood is not rare
        return len(self._told) < (self.per_day if is_rare else self._ordinary_room)
