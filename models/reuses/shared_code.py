"""A code that was meant for one customer goes round: it stands in a forum, or a ring of accounts uses it up."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Final

import numba
import numpy as np
from annotated_types import Ge, Gt, Le
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Flag
from features.feature import STRICT
from features.holders import Holders
from features.keys import Keys, grown
from features.state import State, gathered, part_of, room
from features.text import Composed
from features.uses import CODE, MergedUses
from models.reuse import Reuse
from models.verdict import Signal, Verdict

_USES, _SHARED = 0, 1
_REMEMBERED_USES: Final = 10_000.0  # of a promotion, after which its older ones count half
_DIGITS: Final = 8


@numba.njit(cache=True)
def _surprise(code: I64, promotion: I64, first: Flag, new: Flag, fresh: Flag, own: F64, all_: F64, ready: float) -> F64:
    """-log of the chance that a code of its promotion is shared as often as this one; 0 where that is not known.

    What is learned of the promotion is without the code's own uses: the leak does not excuse itself.
    """
    out = np.zeros(len(code))
    for i in range(len(code)):
        mine, every = own[code[i]], all_[promotion[i]]
        if first[i]:
            mine[:] = 0.0
        if fresh[i]:
            every[:] = 0.0
        if new[i]:
            shared = 0.0 if mine[_USES] == 0.0 else 1.0
            for counts in (mine, every):
                counts[_USES] += 1.0
                counts[_SHARED] += shared
            if every[_USES] >= _REMEMBERED_USES:
                every *= 0.5
        uses, times = max(every[_USES] - mine[_USES], 0.0), max(every[_SHARED] - mine[_SHARED], 0.0)
        if uses >= ready:
            out[i] = -mine[_SHARED] * math.log((times + 1.0) / (uses + 2.0))
    return out


@dataclass(config=STRICT)
class SharedCode(Reuse):
    """Code of a promotion used by many customers, where the promotion's codes are used by one each.

    With k customers after the first, and a usual share q of uses by a further customer among the promotion's other
    codes: q^k < alert_p. A promotion with one code for everybody has q near 1 and is never told. Observed is the
    customers; the code itself is not shown, only a mark of it, and the orders that used it. Lost is what it took off
    for customers after the first.

    Parameters
    ----------
    min_customers
        Customers of one code from which it is too many.
    alert_p
        Chance that a code of this promotion is shared so often, from which it is an alert.
    ready
        Uses of the promotion's other codes before anything is said.
    max_codes
        Codes remembered, the latest ones; about 120 bytes each.
    """

    kind: ClassVar[str] = "promotion.shared_code"
    entity_type: ClassVar[str] = "promotion_code"
    sort: ClassVar[str] = CODE

    min_customers: Annotated[int, Ge(2)] = 5
    alert_p: Annotated[float, Gt(0), Le(0.01)] = 1e-6
    ready: Annotated[float, Ge(1)] = 50.0
    max_codes: Annotated[int, Ge(1)] = 200_000

    def __post_init__(self) -> None:
        """Start with no code."""
        self._holders = Holders("code", self.max_codes)
        self._promotions = Keys("code_promotion", 20_000, named=False)
        self._own, self._all = np.zeros((64, 2)), np.zeros((16, 2))

    def check(self, uses: MergedUses) -> list[Verdict]:
        """The uses by customers after which a code has too many."""
        rows, customers, new, first = self._holders.follow(uses.thing, uses.holder)
        promotion, fresh = self._promotions.rows(Composed(uses.groups()))
        self._own, self._all = grown(self._own, self._holders.size), grown(self._all, self._promotions.size)
        surprise = _surprise(rows, promotion, first, new, fresh, self._own, self._all, self.ready)
        told = new & (customers >= self.min_customers) & (surprise > -math.log(self.alert_p))
        return [self._verdict(uses, at, int(customers[at])) for at in told.nonzero()[0].tolist()]

    def get_state(self) -> State:
        """The codes' customers, and how often the codes of each promotion are shared."""
        parts = {"holders": self._holders.get_state(), "promotions": self._promotions.get_state()}
        return gathered(parts | {"own": {"own": self._own, "all": self._all}})

    def set_state(self, state: State) -> None:
        """Go on from these codes."""
        self._holders.set_state(part_of(state, "holders"))
        self._promotions.set_state(part_of(state, "promotions"))
        self._own, self._all = room(state["own/own"], 1), room(state["own/all"], 1)

    def _verdict(self, merged: MergedUses, at: int, customers: int) -> Verdict:
        signal = Signal(
            "shared_code", self.kind, 1.0, 1.0, float(customers), np.nan, self.min_customers - 1.0,
            is_rule=True, contribution=1.0,
        )  # fmt: skip
        uses, row = merged.find(at)
        mark = f"{int(uses.thing[row]) & (16**_DIGITS - 1):0{_DIGITS}x}"
        entity = f"{uses.names['group'][row]}/{mark}"
        return self.verdict(merged, at, entity, signal, loss_e4=int(uses.amount_e4[row]))
