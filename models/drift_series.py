"""What a drift part is: which values are watched for a lasting change of their mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, Gt, Le
from pydantic.dataclasses import dataclass

from features.feature import STRICT

if TYPE_CHECKING:
    from features.batch import F64, I64, Batch


@dataclass(config=STRICT)
class DriftSeries(ABC):
    """Means of some values over panes of event time, each series looked at for a new level (`models.drift`).

    Parameters
    ----------
    delta
        Share of false alarms that ADWIN aims at.
    min_rows
        Rows of which one mean is taken: panes are put together until they hold so many.
    """

    kind: ClassVar[str]
    entity_type: ClassVar[str]

    delta: Annotated[float, Gt(0), Le(0.1)] = 1e-4
    min_rows: Annotated[int, Ge(1)] = 200

    @abstractmethod
    def measure(self, batch: Batch, names: Sequence[str]) -> Iterator[tuple[str, F64, I64]]:
        """Each series by name: its values, NaN for none, and the positions of their events."""
