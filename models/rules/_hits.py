"""Findings put together one by one, where a rule has few of them and several may be about the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from models.finding import NOTHING, Findings, found

if TYPE_CHECKING:
    from features.batch import Batch

_MOST_LOSS_MINOR: Final = 10**18
"""Python's integers have no end, a column's have: more than this is not told apart."""


class Hits:
    """At most one finding an event and entity: the first stays, losses of the later ones are added to it."""

    def __init__(self) -> None:
        """Start with none."""
        self._rows: dict[tuple[int, str], list[float]] = {}
        self._loss_minor: dict[tuple[int, str], int] = {}

    def add(
        self,
        at: int,
        entity: str,
        observed: float,
        *,
        low: float = np.nan,
        high: float = np.nan,
        loss_minor: int = 0,
    ) -> None:
        """Say that the event at this position breaks the rule."""
        key = (at, entity)
        if key in self._rows:
            self._loss_minor[key] += loss_minor
        else:
            self._rows[key] = [observed, low, high]
            self._loss_minor[key] = loss_minor

    def findings(self, batch: Batch) -> Findings:
        """All of them in the order of the log."""
        if not self._rows:
            return NOTHING
        keys = sorted(self._rows)  # by position, then entity: never by how they were come upon
        values = np.array([self._rows[key] for key in keys], np.float64)
        losses = [min(self._loss_minor[key], _MOST_LOSS_MINOR) for key in keys]
        return found(
            batch,
            np.array([at for at, _ in keys], np.int64),
            [entity for _, entity in keys],
            observed=values[:, 0],
            low=values[:, 1],
            high=values[:, 2],
            loss_minor=np.array(losses, np.int64),
        )
