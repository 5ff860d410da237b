"""The Complete Journey, a grocer's baskets with a coupon, 2017: no payments, no parcels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from stream.evaluation.dataset import DataSet
from stream.importers import complete_journey
from stream.importers.source import Event

_NOTHING_FOLLOWS = {
    "paid_within_seconds": 0,
    "approved_within_seconds": 0,
    "shipped_within_seconds": 0,
    "delivered_within_seconds": 0,
}


class CompleteJourney(DataSet):
    """Every basket has a coupon, most have two kinds of discount: their number is no abuse."""

    file: ClassVar[str] = "completejourney_baskets_to_2017_06.jsonl.gz"
    events: ClassVar[Callable[[Path], Iterator[Event]]] = staticmethod(complete_journey.events)
    overrides: ClassVar[Mapping[str, Any]] = {
        "time": {"business_timezone": complete_journey.ZONE},
        "stages": _NOTHING_FOLLOWS,
    }
