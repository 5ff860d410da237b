"""What a volume part is: which events are counted, by which key, and what too many or too few are called."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from annotated_types import Gt, Le
from pydantic.dataclasses import dataclass

from features.feature import STRICT

if TYPE_CHECKING:
    from config.promotions import PromotionRegister
    from features.batch import I64, Batch
    from features.text import Naming

SURGE, DROP, ZERO = 1, -1, 0
NO_KEY: Final = ""
"""Counts an event that has no key in a series, so that the series knows how many there are; never an alert."""


@dataclass(config=STRICT)
class VolumeSeries(ABC):
    """Counts events by key in event-time panes that close when the log has passed them.

    Parameters
    ----------
    alert_p
        Chance of so odd a window in normal traffic, from which it is an alert.
    """

    entity_type: ClassVar[str]
    is_seasonal: ClassVar[bool] = False
    """Few keys, with an hour-of-week profile, zeros and drops; otherwise many keys, surges alone."""
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "volume.surge", DROP: "volume.drop", ZERO: "volume.zero"}

    alert_p: Annotated[float, Gt(0), Le(0.01)] = 1e-7

    @abstractmethod
    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Keys to be counted, one an occurrence, and the positions of their events."""

    def is_expected(
        self,
        key: str,  # noqa: ARG002  # few series have a plan
        observed: int,  # noqa: ARG002  # likewise
        window_ms: tuple[int, int],  # noqa: ARG002  # likewise
        promotions: PromotionRegister,  # noqa: ARG002  # likewise
    ) -> bool:
        """Whether a plan foresaw this surge."""
        return False


def every_order(batch: Batch, keys: Naming) -> tuple[Naming, I64]:
    """Count each order placed under the key given for it."""
    return keys, batch.created.at
