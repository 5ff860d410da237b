"""Several rounds of one figure, and how they are printed: the machine's speed drifts."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS: Final = 140


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, middle and greatest of the rounds."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """The spread of at least one figure."""
        return cls(min(figures), statistics.median(figures), max(figures))

    @classmethod
    def of_ratios(cls, above: Sequence[float], below: Sequence[float]) -> Spread:
        """Round by round, so that what both rounds shared (a slow minute of the machine) cancels."""
        return cls.of([a / b for a, b in zip(above, below, strict=True)])

    def text(self, form: str = ",.0f") -> str:
        """`median (low-high)`."""
        return f"{self.median:{form}} ({self.low:{form}}-{self.high:{form}})"


def wide_console() -> Console:
    """A console that breaks no table, also where there is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_COLUMNS)
