"""Order numbers as sequences: which numbers should have come by now and did not.

A number is its last run of digits; what stands before is the name of its sequence. Numbers arrive a little out of
order and over all partitions, so each waits `grace_seconds` before it is taken in, smallest first. Sequences count
in steps of their own (1, or 64 where numbers are dealt out to servers), and honest ones have holes, too: carts that
were given up. Both are learned, and a hole of k steps counts if a sequence that loses a share q of its numbers
would hardly have it: q^k.

Memory: 80 bytes and the waiting numbers (16 bytes each, room for 8,192) for each of at most 16 sequences.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numba
import numpy as np

from features.batch import F64, I64, Flag
from features.keys import Keys
from features.state import State, gathered, part_of
from features.text import Bytes, Composed
from features.wire.text import hash_text

DIGITS: Final = "0123456789"
MOST_SEQUENCES: Final = 16
_MOST_WAITING: Final = 4_096
_MOST_DIGITS: Final = 15
_ZERO, _NINE = ord("0"), ord("9")
_LEARNED_GAPS: Final = 200
_MEMORY: Final = 2_000.0  # numbers: how far back the usual share of holes is remembered
_MOST_STEPS: Final = 10_000  # beyond it the sequence has moved to another block
_RESTART: Final = 50  # numbers in a row below the last one: the sequence begins anew
LAST, STEP, VOTES, SEEN, BELOW = range(5)


class Holes(NamedTuple):
    """Holes, each with the order (position) whose coming closed the wait.

    `after` : number before the hole. `missing` : numbers that should lie in it. `usual` : share of holes.
    """

    at: I64
    row: I64
    after: I64
    missing: I64
    usual: F64


@numba.njit(cache=True)
def split_numbers(data: Bytes, start: I64, length: I64) -> tuple[I64, I64]:
    """The number at the end of each text, -1 for none, and the bits of what stands before it."""
    n = len(start)
    number, name = np.full(n, -1, np.int64), np.zeros(n, np.int64)
    for i in range(n):
        digits, value, unit = 0, 0, 1
        while digits < length[i] and digits < _MOST_DIGITS:
            byte = data[start[i] + length[i] - 1 - digits]
            if byte < _ZERO or byte > _NINE:
                break
            value += (byte - _ZERO) * unit
            unit *= 10
            digits += 1
        if digits > 0:
            number[i] = value
            name[i] = hash_text(data, start[i], length[i] - digits)
    return number, name


@numba.njit(cache=True)
def _insert(waiting: I64, first: int, n: int, number: int, time_ms: int) -> None:
    """Put a number among the n that wait from `first` on, in ascending order."""
    j = first + n
    while j > first and waiting[j - 1, 0] > number:
        waiting[j, 0], waiting[j, 1] = waiting[j - 1, 0], waiting[j - 1, 1]
        j -= 1
    waiting[j, 0], waiting[j, 1] = number, time_ms


@numba.njit(cache=True)
def _take_in(known: I64, shares: F64, number: int, alert_p: float, least: int) -> int:
    """Follow a sequence to its next number; returns how many are missing before it, 0 where that is usual."""
    if known[SEEN] == 0 or known[BELOW] >= _RESTART:
        known[LAST], known[STEP], known[VOTES], known[SEEN], known[BELOW] = number, 1, 0, 1, 0
        shares[:] = 0.0
        return 0
    gap = number - known[LAST]
    if gap <= 0:
        known[BELOW] += 1 if gap < 0 else 0
        return 0
    known[LAST], known[BELOW] = number, 0
    known[SEEN] += 1
    if known[SEEN] <= _LEARNED_GAPS:  # Boyer and Moore's majority vote
        if known[VOTES] == 0:
            known[STEP] = gap
        known[VOTES] += 1 if gap == known[STEP] else -1
        if known[SEEN] == _LEARNED_GAPS and known[VOTES] < _LEARNED_GAPS // 4:
            known[STEP] = 1  # no usual gap: every number counts
        return 0
    steps = max(gap // known[STEP], 1)
    if steps > _MOST_STEPS:
        return 0
    missing = steps - 1
    usual = (shares[0] + 0.5) / (shares[1] + 1.0)
    ready = shares[1] >= _LEARNED_GAPS
    found = missing if ready and missing >= least and missing * np.log(usual) < np.log(alert_p) else 0
    if found == 0:
        keep = 1.0 - min(1.0, steps / _MEMORY)
        shares[0], shares[1] = shares[0] * keep + missing, shares[1] * keep + steps
    return found


@numba.njit(cache=True)
def _follow(
    rows: I64, fresh: Flag, number: I64, clock_ms: I64, grace_ms: int, alert_p: float, least: int,
    known: I64, shares: F64, waiting: I64, first_waiting: I64, n_waiting: I64,
) -> tuple[I64, F64, int]:  # fmt: skip
    """Take every order in; returns holes (order, row, number before, missing), usual shares, and how many."""
    holes, usual, n_holes = np.empty((16, 4), np.int64), np.empty(16), 0
    for i in range(len(rows)):
        row = rows[i]
        if fresh[i]:
            known[row], shares[row], first_waiting[row], n_waiting[row] = 0, 0.0, 0, 0
        if number[i] < 0:
            continue
        first, n = first_waiting[row], n_waiting[row]
        if first + n == waiting.shape[1]:  # at the end of its room: back to the start, once every few thousand
            waiting[row, :n] = waiting[row, first : first + n].copy()
            first = 0
        _insert(waiting[row], first, n, number[i], clock_ms[i])
        n += 1
        done = 0
        while done < n and (waiting[row, first + done, 1] + grace_ms < clock_ms[i] or n - done >= _MOST_WAITING):
            before, share = known[row, LAST], (shares[row, 0] + 0.5) / (shares[row, 1] + 1.0)
            missing = _take_in(known[row], shares[row], waiting[row, first + done, 0], alert_p, least)
            done += 1
            if missing > 0:
                if n_holes == len(holes):
                    holes, usual = np.concatenate((holes, holes)), np.concatenate((usual, usual))
                holes[n_holes, 0], holes[n_holes, 1] = i, row
                holes[n_holes, 2], holes[n_holes, 3], usual[n_holes] = before, missing, share
                n_holes += 1
        first_waiting[row], n_waiting[row] = first + done, n - done
    return holes[:n_holes], usual[:n_holes], n_holes


class OrderNumbers:
    """The sequences of a log's order numbers.

    Parameters
    ----------
    grace_seconds
        How long a number may come after greater ones.
    alert_p
        Chance of so long a hole in a sequence with its usual share of holes.
    least
        Numbers that a hole must have.
    """

    def __init__(self, grace_seconds: float, alert_p: float, least: int) -> None:
        """Start with no sequence."""
        self.keys = Keys("sequence", MOST_SEQUENCES)
        self._grace_ms, self._alert_p, self._least = int(grace_seconds * 1000), alert_p, least
        self._known = np.zeros((MOST_SEQUENCES, 5), np.int64)
        self._shares = np.zeros((MOST_SEQUENCES, 2))
        self._waiting = np.zeros((MOST_SEQUENCES, 2 * _MOST_WAITING, 2), np.int64)
        self._first_waiting = np.zeros(MOST_SEQUENCES, np.int64)
        self._n_waiting = np.zeros(MOST_SEQUENCES, np.int64)

    def follow(self, prefix: Composed, number: I64, clock_ms: I64) -> Holes:
        """The holes that these orders, in the order of the log, leave behind them; `prefix` names their sequences."""
        rows, fresh = self.keys.rows(prefix)
        holes, usual, _ = _follow(
            rows, fresh, number, clock_ms, self._grace_ms, self._alert_p, self._least,
            self._known, self._shares, self._waiting, self._first_waiting, self._n_waiting,
        )  # fmt: skip
        return Holes(holes[:, 0], holes[:, 1], holes[:, 2], holes[:, 3], usual)

    def get_state(self) -> State:
        """What is known of each sequence, and the numbers that wait."""
        own: State = {"known": self._known, "shares": self._shares}
        waiting = np.zeros((MOST_SEQUENCES, self._n_waiting.max(), 2), np.int64)
        for row, (first, n) in enumerate(zip(self._first_waiting.tolist(), self._n_waiting.tolist(), strict=True)):
            waiting[row, :n] = self._waiting[row, first : first + n]
        waits: State = {"waiting": waiting, "n_waiting": self._n_waiting}
        return gathered({"keys": self.keys.get_state(), "own": own | waits})

    def set_state(self, state: State) -> None:
        """Go on from these sequences."""
        self.keys.set_state(part_of(state, "keys"))
        own = part_of(state, "own")
        self._known, self._shares = own["known"].copy(), own["shares"].copy()
        self._first_waiting, self._n_waiting = np.zeros(MOST_SEQUENCES, np.int64), own["n_waiting"].copy()
        self._waiting[:, : own["waiting"].shape[1]] = own["waiting"]
