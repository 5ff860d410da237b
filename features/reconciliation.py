"""What the systems say of one order, held against each other: an order that stays contradictory is found in time.

The shop says `created` and `cancelled`, the payment system `paid` and `refunded`, fulfilment the rest. For a while
they may differ, since their messages overtake each other. An order that differs opens an issue; one that still does
when the grace time is over is told once (`features.batch.Overdue`, with a number of `ISSUES` as its stage).

Memory: 61 bytes a row and 24 a deadline, beside what `features.keys` says of the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numba
import numpy as np

from features.batch import I8, I32, I64, PAID_SO_FAR, PLACES, REFUNDED_SO_FAR, TOTAL, Batch, Flag, Overdue
from features.deadlines import Deadlines, pop, push, sweep
from features.event import CANCELLED, CREATED, INVENTORY, PAID, REFUNDED
from features.keys import Keys, grown
from features.order_life import amounts_e4, overdue_of
from features.state import State, room

ISSUES: Final = {"never_created": 11, "without_money": 12, "money_kept": 13, "total_differs": 14}
"""What may be contradictory, worst first, by the number that stands in `Overdue.stage`.

never_created
    Paid, shipped or delivered, though nobody ordered it.
without_money
    Said to be paid, though no money came.
money_kept
    Cancelled, though its money came and was not returned.
total_differs
    Paid with less than its total, or with more and not returned.
"""
NEVER_CREATED, WITHOUT_MONEY, MONEY_KEPT, TOTAL_DIFFERS = ISSUES.values()
_EXCUSED: Final = 1  # its beginning lies before the log's, or before what is remembered
_TOLD: Final = 64  # added to an issue that was told
_TOLERANCE_E4: Final = 100
_ORPHAN_STAGES: Final = 7
_BEGIN: Final = 0
_FIRST_DUE: Final = 1024


@numba.njit(cache=True)
def _contradiction(created: bool, cancelled: bool, is_paid: bool, total: int, paid: int, held: int, known: int) -> int:
    """The order's worst issue, 0 for none; `known` is the one it had."""
    if not created:
        return _EXCUSED if known == _EXCUSED else NEVER_CREATED
    if cancelled:
        return MONEY_KEPT if held > _TOLERANCE_E4 else 0
    if not is_paid or total <= 0:
        return 0
    if paid <= 0:
        return WITHOUT_MONEY
    if paid < total - _TOLERANCE_E4 or held > total + _TOLERANCE_E4:
        return TOTAL_DIFFERS
    return 0


@numba.njit(cache=True)
def _expire(
    now_ms: int, at: int, heap: I64, n_heap: int, issue: I8, deadline: I64, money: I64, place: I32, due: I64, n_due: int
) -> tuple[int, int, I64]:
    """Move issues whose grace time ended before `now_ms` to `due`.

    Returns the sizes of `heap` and `due`, and `due`, which may have had to grow.
    """
    while n_heap > 0 and heap[0, 0] < now_ms:
        ends_ms, row, number = heap[0, 0], heap[0, 1], heap[0, 2]
        n_heap = pop(heap, n_heap)
        if deadline[row] != ends_ms or issue[row] != number:
            continue
        issue[row] = number + _TOLD
        if n_due == len(due):
            due = np.concatenate((due, np.empty_like(due)))
        due[n_due, 0], due[n_due, 1], due[n_due, 2], due[n_due, 3] = at, row, number, ends_ms
        due[n_due, 4:7] = money[row]
        for k in range(place.shape[1]):
            due[n_due, 7 + k] = place[row, k]
        n_due += 1
    return n_heap, n_due, due


@numba.njit(cache=True)
def _write(i: int, row: int, event: int, amount_e4: I64, had: I64, where: I32, money: I64, place: I32) -> None:
    """Write what is known of an order after event i; element by element, which costs a tenth of slices."""
    for k in range(had.shape[1]):
        money[row, k] = had[i, k]
    for k in range(where.shape[1]):
        place[row, k] = where[i, k]
    if event == CREATED:
        money[row, TOTAL] = amount_e4[i]
    elif event == PAID:
        money[row, PAID_SO_FAR] += amount_e4[i]
    elif event == REFUNDED:
        money[row, REFUNDED_SO_FAR] += amount_e4[i]


@numba.njit(cache=True)
def _reconcile(
    kind: I8, rows: I64, fresh: Flag, time_ms: I64, clock_ms: I64, amount_e4: I64, was_ms: I64, had: I64, where: I32,
    orphan_ms: I64, grace_ms: I64, returned_ms: int, begin: I64,
    issue: I8, deadline: I64, money: I64, place: I32, seen_ms: I64, heap: I64, n_heap: int, due: I64,
) -> tuple[int, I64]:  # fmt: skip
    """Hold every event against what was known of its order, in order; returns the size of `heap`, and what is due."""
    n_due = 0
    for i in range(len(kind)):
        n_heap, n_due, due = _expire(clock_ms[i], i, heap, n_heap, issue, deadline, money, place, due, n_due)
        if begin[_BEGIN] == 0:
            begin[_BEGIN] = clock_ms[i]
        row, event = rows[i], kind[i]
        if event == INVENTORY:
            continue
        if fresh[i]:
            begin[_BEGIN] = max(begin[_BEGIN], seen_ms[row])  # whoever had the row is forgotten
            is_known = time_ms[i] - orphan_ms[event] > begin[_BEGIN]
            issue[row], deadline[row] = 0 if is_known else _EXCUSED, 0
        seen_ms[row] = clock_ms[i]
        _write(i, row, event, amount_e4, had, where, money, place)
        known, total, paid = issue[row], money[row, TOTAL], money[row, PAID_SO_FAR]
        found = _contradiction(
            event == CREATED or was_ms[i, CREATED] > 0,
            event == CANCELLED or was_ms[i, CANCELLED] > 0,
            event == PAID or was_ms[i, PAID] > 0,
            total, paid, paid - money[row, REFUNDED_SO_FAR], known,
        )  # fmt: skip
        if found == known or found == known - _TOLD:  # kernels hold no tuples of both widths
            continue
        issue[row], deadline[row] = found, 0
        if found > _EXCUSED:
            grace = grace_ms[found]
            if found == TOTAL_DIFFERS and paid > total:
                grace = returned_ms
            deadline[row] = max(time_ms[i], 1) + grace
            n_heap = push(heap, n_heap, deadline[row], row, found)
    return n_heap, due[:n_due]


class Reconciliation:
    """The open issues of the orders of one partition.

    An event of an order that was never seen is an issue only if the event before it would have been seen: if the
    log, and what is remembered of it, goes back further than that stage may take.

    Parameters
    ----------
    limits_seconds
        `reconciled`: grace time for messages on their way. `refunded`: longest time for money to be returned.
        The stages' own limits say how far back the event before may lie; 0: there is no such bound.
    """

    def __init__(self, limits_seconds: Mapping[str, float]) -> None:
        """Start with no order."""
        limit_ms = {name: int(seconds * 1000) for name, seconds in limits_seconds.items()}
        self._orphan_ms = _orphan_limits(limit_ms)
        self._returned_ms = limit_ms.get("refunded", 0)
        self._grace_ms = np.full(TOTAL_DIFFERS + 1, limit_ms.get("reconciled", 0), np.int64)
        self._grace_ms[MONEY_KEPT] = self._returned_ms
        self._begin = np.zeros(1, np.int64)
        self._issue = np.zeros(1024, np.int8)
        self._deadline = np.zeros(1024, np.int64)
        self._money = np.zeros((1024, 3), np.int64)
        self._place = np.zeros((1024, len(PLACES)), np.int32)
        self._seen_ms = np.zeros(1024, np.int64)
        self._heap = Deadlines()
        self._due = np.zeros((_FIRST_DUE, 7 + len(PLACES)), np.int64)  # scratch, where few end at once

    def follow(self, batch: Batch, orders: Keys) -> Overdue:
        """The orders whose grace time ended on the way; reads `batch.life`."""
        keyed = batch.key(orders)
        self._grow(keyed.size, len(batch))
        life = batch.life
        self._heap.size, due = _reconcile(
            batch.kind, keyed.rows, keyed.fresh, batch.time_ms, batch.clock_ms, amounts_e4(batch),
            life.at_ms, life.money_e4, life.place, self._orphan_ms, self._grace_ms, self._returned_ms, self._begin,
            self._issue, self._deadline, self._money, self._place, self._seen_ms,
            self._heap.rows, self._heap.size, self._due,
        )  # fmt: skip
        return overdue_of(due, orders)

    def expire(self, now_ms: int, orders: Keys) -> Overdue:
        """The orders whose grace time is over at `now_ms`, for a partition in which nothing happens."""
        self._heap.size, n_due, due = _expire(
            now_ms, -1, self._heap.rows, self._heap.size,
            self._issue, self._deadline, self._money, self._place, self._due, 0,
        )  # fmt: skip
        return overdue_of(due[:n_due], orders)

    def get_state(self) -> State:
        """Every order's issue and every deadline."""
        rows: State = {"issue": self._issue, "deadline": self._deadline, "money": self._money}
        rows |= {"place": self._place, "seen_ms": self._seen_ms}
        return rows | {"begin": self._begin, "heap": self._heap.rows[: self._heap.size]}

    def set_state(self, state: State) -> None:
        """Go on from these orders."""
        self._issue, self._deadline, self._money = (room(state[name], 1) for name in ("issue", "deadline", "money"))
        self._place, self._seen_ms = room(state["place"], 1), room(state["seen_ms"], 1)
        self._begin = state["begin"].copy()
        self._heap.size = len(state["heap"])
        self._heap.rows = room(state["heap"], 1024)

    def _grow(self, size: int, n: int) -> None:
        self._issue, self._deadline = grown(self._issue, size), grown(self._deadline, size)
        self._money, self._place = grown(self._money, size), grown(self._place, size)
        self._seen_ms = grown(self._seen_ms, size)
        if self._heap.size > 2 * size + _FIRST_DUE:
            self._heap.size = sweep(self._heap.rows, self._heap.size, self._deadline)
        self._heap.make_room(n)


def _orphan_limits(limit_ms: Mapping[str, int]) -> I64:
    """By kind of event: how long before it the event before may lie."""
    stages = [limit_ms.get(stage, 0) for stage in ("paid", "approved", "shipped", "delivered")]
    whole = sum(stages) if all(stages) else 1 << 60
    limits = np.full(_ORPHAN_STAGES, whole, np.int64)
    limits[PAID : PAID + len(stages)] = [limit or whole for limit in stages]
    return limits
