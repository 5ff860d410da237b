"""The life of each order: when it reached each stage, what was paid, and what it is waiting for.

One row an order. Every event reads the row as earlier events left it, then writes itself in. An order waits for
its next stage until a deadline; deadlines lie in a heap and expire in event time, so an event that never comes
is noticed without anybody asking (`Overdue`). Delivery is due when it was promised, else when its route's usual
time is well over (`features.route_limits`).

Memory: 98 bytes a row and 24 a deadline, at most two or three an order, beside what `features.keys` says of the key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from features.amounts import in_e4
from features.batch import (
    F64,
    I8,
    I32,
    I64,
    PAID_SO_FAR,
    PLACES,
    REFUNDED_SO_FAR,
    STAGES,
    TOTAL,
    Batch,
    Flag,
    Life,
    Overdue,
)
from features.deadlines import Deadlines, pop, push, sweep
from features.event import CANCELLED, CREATED, DELIVERED, INVENTORY, PAID, REFUNDED, SHIPPED
from features.keys import Keys, grown
from features.money import NOT_GIVEN
from features.route_limits import RouteLimits, learn, limit_of, route_of
from features.state import State, gathered, part_of, room

_CARRIER: Final = PLACES.index("carrier")
_REGION: Final = PLACES.index("region")
_FIRST_DUE: Final = 1024
U16 = NDArray[np.uint16]


@numba.njit(cache=True)
def _awaited(at_ms: I64, limits_ms: I64) -> int:
    """The first stage after the last one reached that has a limit; 0 when nothing is awaited."""
    if at_ms[CANCELLED] > 0:
        return 0
    reached = -1
    for stage in range(DELIVERED + 1):
        if at_ms[stage] > 0:
            reached = stage
    if reached < 0:  # known by a refund alone: nothing to count from
        return 0
    for stage in range(reached + 1, DELIVERED + 1):
        if stage > 0 and limits_ms[stage] > 0:
            return stage
    return 0


@numba.njit(cache=True)
def _latest_before(at_ms: I64, stage: int) -> int:
    for earlier in range(stage - 1, -1, -1):
        if at_ms[earlier] > 0:
            return int(at_ms[earlier])
    return 0


@numba.njit(cache=True)
def _due_ms(
    stage: int, at_ms: I64, promised_ms: int, limits_ms: I64, route: int, spreads: float, routes: I64, usual: F64
) -> int:
    """When a stage is due; 0 for none."""
    if stage == 0:
        return 0
    if stage == DELIVERED and promised_ms > 0:
        return promised_ms
    if stage == DELIVERED and at_ms[SHIPPED] > 0:
        return int(at_ms[SHIPPED]) + limit_of(route, limits_ms[stage], spreads, routes, usual)
    return _latest_before(at_ms, stage) + int(limits_ms[stage])


@numba.njit(cache=True)
def _expire(
    now_ms: int, at: int, heap: I64, n_heap: int, deadline: I64, money: I64, place: U16, due: I64, n_due: int
) -> tuple[int, int, I64]:
    """Move deadlines before `now_ms` from the heap to `due`, those that still hold.

    Returns both sizes, and `due`, which may have had to grow.
    """
    while n_heap > 0 and heap[0, 0] < now_ms:
        ends_ms, row, stage = heap[0, 0], heap[0, 1], heap[0, 2]
        n_heap = pop(heap, n_heap)
        if deadline[row] != ends_ms:
            continue
        deadline[row] = 0
        if n_due == len(due):
            due = np.concatenate((due, np.empty_like(due)))
        due[n_due, 0], due[n_due, 1], due[n_due, 2], due[n_due, 3] = at, row, stage, ends_ms
        due[n_due, 4 : 4 + 3] = money[row]
        for k in range(place.shape[1]):
            due[n_due, 7 + k] = place[row, k]
        n_due += 1
    return n_heap, n_due, due


@numba.njit(cache=True)
def _live(
    kind: I8, rows: I64, fresh: Flag, time_ms: I64, clock_ms: I64, promised_ms: I64, amount_e4: I64, came_from: I32,
    limits_ms: I64, spreads: float, routes: I64, usual: F64,
    at_ms: I64, money: I64, place: U16, promise: I64, deadline: I64, heap: I64, n_heap: int,
    was_ms: I64, had: I64, seen_at: I32, latency: F64, due: I64,
) -> tuple[int, I64]:  # fmt: skip
    """Lead every event's order through its life, in order; returns the size of `heap`, and what is due."""
    n_due = 0
    for i in range(len(kind)):
        n_heap, n_due, due = _expire(clock_ms[i], i, heap, n_heap, deadline, money, place, due, n_due)
        stage, row = kind[i], rows[i]
        if stage == INVENTORY:
            continue
        if fresh[i]:
            at_ms[row], money[row], place[row], promise[row], deadline[row] = 0, 0, 0, 0, 0
        was_ms[i], had[i] = at_ms[row], money[row]
        if PAID <= stage <= DELIVERED:
            since_ms = _latest_before(at_ms[row], stage)
            if since_ms > 0:
                latency[i] = (time_ms[i] - since_ms) / 1000.0
        _write(i, stage, row, time_ms, promised_ms, amount_e4, came_from, at_ms, money, place, promise)
        seen_at[i] = place[row]
        route = route_of(seen_at[i, _CARRIER], seen_at[i, _REGION])
        if stage == DELIVERED and was_ms[i, DELIVERED] == 0 and 0 < at_ms[row, SHIPPED] < time_ms[i]:
            learn(route, (time_ms[i] - at_ms[row, SHIPPED]) / 1000.0, routes, usual)
        stage = _awaited(at_ms[row], limits_ms)
        ends_ms = _due_ms(stage, at_ms[row], promise[row], limits_ms, route, spreads, routes, usual)
        if ends_ms != deadline[row]:
            deadline[row] = ends_ms
            if ends_ms > 0:
                n_heap = push(heap, n_heap, ends_ms, row, stage)
    return n_heap, due[:n_due]


@numba.njit(cache=True)
def _write(
    i: int, stage: int, row: int, time_ms: I64, promised_ms: I64, amount_e4: I64, came_from: I32,
    at_ms: I64, money: I64, place: U16, promise: I64,
) -> None:  # fmt: skip
    """Write event i into its order's row; the first time a stage is reached counts."""
    if stage <= CANCELLED and at_ms[row, stage] == 0:
        at_ms[row, stage] = time_ms[i]
    if promised_ms[i] != NOT_GIVEN:
        promise[row] = promised_ms[i]
    if stage == CREATED:
        money[row, TOTAL] = amount_e4[i]
    elif stage == PAID:
        money[row, PAID_SO_FAR] += amount_e4[i]
    elif stage == REFUNDED:
        money[row, REFUNDED_SO_FAR] += amount_e4[i]
    for k in range(place.shape[1]):
        if came_from[i, k] > 0:
            place[row, k] = came_from[i, k]


class OrderLife:
    """Lives of the orders of one partition.

    Parameters
    ----------
    limits_seconds
        How long a stage may take after the stage before it, by name ("paid", "approved", "shipped",
        "delivered"); 0 or absent: that stage is not waited for. A promised delivery time goes before
        the limit of "delivered".
    route_spreads
        Without one, delivery is overdue so many spreads beyond what its route usually takes (0: that is not looked at).
    """

    def __init__(self, limits_seconds: Mapping[str, float], route_spreads: float = 0.0) -> None:
        """Start with no order."""
        self._routes = RouteLimits(route_spreads)
        self._limits_ms = np.array([int(limits_seconds.get(stage, 0) * 1000) for stage in STAGES], np.int64)
        self._at_ms = np.zeros((1024, CANCELLED + 1), np.int64)
        self._money = np.zeros((1024, 3), np.int64)
        self._place = np.zeros((1024, len(PLACES)), np.uint16)  # of a kind there are 10,000 at most
        self._promise = np.zeros(1024, np.int64)
        self._deadline = np.zeros(1024, np.int64)
        self._heap = Deadlines()
        self._due = np.zeros((_FIRST_DUE, 7 + len(PLACES)), np.int64)  # scratch, where few become overdue at once

    def follow(self, batch: Batch, spaces: Mapping[str, Keys]) -> tuple[Life, Overdue]:
        """What was known of each event's order before it, and the orders that became overdue on the way."""
        n, orders = len(batch), batch.key(spaces["order"])
        self._grow(orders.size, n)
        life = Life.of(n)
        self._heap.size, due = _live(
            batch.kind, orders.rows, orders.fresh, batch.time_ms, batch.clock_ms, batch.promised_ms,
            amounts_e4(batch), _places(batch, spaces), self._limits_ms,
            self._routes.spreads, self._routes.routes, self._routes.usual, self._at_ms, self._money, self._place,
            self._promise, self._deadline, self._heap.rows, self._heap.size,
            life.at_ms, life.money_e4, life.place, life.latency_seconds, self._due,
        )  # fmt: skip
        return life, overdue_of(due, spaces["order"])

    def expire(self, now_ms: int, spaces: Mapping[str, Keys]) -> Overdue:
        """Orders overdue at `now_ms`, for a partition in which nothing happens."""
        self._heap.size, n_due, due = _expire(
            now_ms, -1, self._heap.rows, self._heap.size, self._deadline, self._money, self._place, self._due, 0
        )
        return overdue_of(due[:n_due], spaces["order"])

    def get_state(self) -> State:
        """Every order's row and every deadline."""
        rows: State = {"at_ms": self._at_ms, "money": self._money, "place": self._place}
        waits: State = {
            "promise": self._promise,
            "deadline": self._deadline,
            "heap": self._heap.rows[: self._heap.size],
        }
        return rows | waits | gathered({"routes": self._routes.get_state()})

    def set_state(self, state: State) -> None:
        """Go on from these orders."""
        self._at_ms, self._money, self._place = (room(state[name], 1) for name in ("at_ms", "money", "place"))
        self._promise, self._deadline = room(state["promise"], 1), room(state["deadline"], 1)
        self._heap.size = len(state["heap"])
        self._heap.rows = room(state["heap"], 1024)
        self._routes.set_state(part_of(state, "routes"))

    def _grow(self, size: int, n: int) -> None:
        self._at_ms, self._money = grown(self._at_ms, size), grown(self._money, size)
        self._place, self._promise = grown(self._place, size), grown(self._promise, size)
        self._deadline = grown(self._deadline, size)
        if self._heap.size > 2 * size + _FIRST_DUE:
            self._heap.size = sweep(self._heap.rows, self._heap.size, self._deadline)
        self._heap.make_room(n)


def overdue_of(due: I64, orders: Keys) -> Overdue:
    """The rows of a kernel's table of what is due: event, order, stage, deadline, money, place."""
    names = [orders.names[row] for row in due[:, 1].tolist()]
    due = due.copy()  # the scratch is used again
    return Overdue(due[:, 0], names, due[:, 2], due[:, 3], due[:, 4:7], due[:, 7:].astype(np.int32))


def amounts_e4(batch: Batch) -> I64:
    """Per event: the order's total, or what was paid or refunded, in ten thousandths of a unit."""
    amounts = np.zeros(len(batch), np.int64)
    created, payments = batch.created, batch.payments
    amounts[created.at] = in_e4(created.total_minor, created.exponent)
    if len(payments.at):
        np.add.at(amounts, payments.at, payments.amount_e4)
    return amounts


@numba.njit(cache=True)
def _put(at: I64, rows: I64, places: I32) -> None:
    for i in range(len(at)):
        places[at[i]] = rows[i] + 1


def _places(batch: Batch, spaces: Mapping[str, Keys]) -> I32:
    places = np.zeros((len(batch), len(PLACES)), np.int32)
    for k, kind in enumerate(PLACES):
        at = batch.shipments.at if k == _CARRIER else batch.created.at
        if len(at):
            _put(at, batch.key(spaces[kind]).rows, places[:, k])
    return places
