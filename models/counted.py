"""Occurrences by key and pane: what a partition tells the others of one volume series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from features.batch import I64
from features.state import State, gathered, part_of
from features.text import Naming, Text


@numba.njit(cache=True)
def _group(bits: I64, panes: I64, known: I64, first: I64, counts: I64) -> int:
    """Count equal pairs of key and pane; each is known by where it came first. Returns how many different ones."""
    last, groups = len(known) - 1, 0
    for i in range(len(bits)):
        j = (bits[i] + panes[i]) & last
        while known[j] > 0:
            at = first[known[j] - 1]
            if bits[at] == bits[i] and panes[at] == panes[i]:
                break
            j = (j + 1) & last
        if known[j] == 0:
            first[groups] = i
            groups += 1
            known[j] = groups
        counts[known[j] - 1] += 1
    return groups


@dataclass(slots=True)
class Counted:
    """`counts` occurrences of each key in each pane, every pair once."""

    keys: Text
    panes: I64
    counts: I64

    @classmethod
    def of(cls, keys: Naming, panes: I64) -> Counted:
        """Count keys, one an occurrence, in the pane of each."""
        n = len(keys)
        known = np.zeros(1 << (2 * n).bit_length(), np.int64)
        first, counts = np.empty(n, np.int64), np.zeros(n, np.int64)
        groups = _group(keys.hash, panes, known, first, counts)
        first = first[:groups]
        return cls(keys.take(first).packed(), panes[first], counts[:groups])

    def __len__(self) -> int:
        """Pairs of key and pane."""
        return len(self.panes)

    def take(self, rows: I64) -> Counted:
        """Some of the pairs."""
        return Counted(self.keys.take(rows), self.panes[rows], self.counts[rows])

    def get_state(self) -> State:
        """The counts as arrays."""
        return gathered({"keys": self.keys.get_state(), "of": {"panes": self.panes, "counts": self.counts}})

    @classmethod
    def from_state(cls, state: State) -> Counted:
        """The counts that these arrays were."""
        return cls(Text.from_state(part_of(state, "keys")), state["of/panes"], state["of/counts"])

    @staticmethod
    def sum(pieces: Sequence[Counted]) -> Counted:
        """Add up what came in pieces; by pane and then by the bits of the key, whatever came first."""
        keys = Text.join([piece.keys for piece in pieces])
        panes = np.concatenate([piece.panes for piece in pieces])
        counts = np.concatenate([piece.counts for piece in pieces])
        one_pane = bool((panes == panes[0]).all())
        order = np.argsort(keys.hash) if one_pane else np.lexsort((keys.hash, panes))
        bits, panes = keys.hash[order], panes[order]
        is_first = np.ones(len(order), np.bool_)
        is_first[1:] = (bits[1:] != bits[:-1]) | (panes[1:] != panes[:-1])
        first = np.flatnonzero(is_first)
        return Counted(keys.take(order[first]), panes[first], np.add.reduceat(counts[order], first))
