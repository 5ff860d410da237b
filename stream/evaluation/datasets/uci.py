"""UCI Online Retail, a British wholesaler, 2010 to 2011: invoices, no payments, no parcels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from stream.evaluation.dataset import DataSet
from stream.importers import uci
from stream.importers.source import Event

_NOTHING_FOLLOWS = {
    "paid_within_seconds": 0,
    "approved_within_seconds": 0,
    "shipped_within_seconds": 0,
    "delivered_within_seconds": 0,
}


class Uci(DataSet):
    """A wholesaler sells thousands of pieces a line; nothing is heard of an invoice again."""

    file: ClassVar[str] = "uci_online_retail_to_2011_06.jsonl.gz"
    events: ClassVar[Callable[[Path], Iterator[Event]]] = staticmethod(uci.events)
    overrides: ClassVar[Mapping[str, Any]] = {
        "time": {"business_timezone": uci.ZONE},
        "stages": _NOTHING_FOLLOWS,
        "rules": {"quantity_over_cap": {"on": True, "params": {"max_quantity": 5_000}}},
    }
