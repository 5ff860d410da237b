"""Olist, a Brazilian marketplace, 2016 to 2017: orders, payments, parcels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from stream.evaluation.dataset import DataSet
from stream.importers import olist
from stream.importers.source import Event
from stream.simulator.label import Label


def _real(incident: str, kinds: tuple[str, ...], begins: str, ends: str) -> Label:
    begins_ms, ends_ms = (round(datetime.fromisoformat(text).timestamp() * 1_000) for text in (begins, ends))
    return Label(incident, kinds, ("behaviour", "volume", "system", "missing"), "overall/all", begins_ms, ends_ms)


_GAP = ("volume.zero", "volume.drop", "missing.orders")


class Olist(DataSet):
    """Its ingestion stopped four times for half a day, with a burst after it; 2017-11-24 was Black Friday."""

    file: ClassVar[str] = "olist_orders_2016_2017.jsonl.gz"
    events: ClassVar[Callable[[Path], Iterator[Event]]] = staticmethod(olist.events)
    overrides: ClassVar[Mapping[str, Any]] = {
        "time": {"business_timezone": olist.ZONE},
        "rules": {
            "paid_amount_mismatch": {"on": True, "params": {"max_surplus_share": 0.3}}
        },  # interest of instalments
    }
    found: ClassVar[Sequence[Label]] = (
        _real("real_gap", _GAP, "2017-05-20T18:00:00-03:00", "2017-05-21T12:00:00-03:00"),
        _real("real_gap", _GAP, "2017-06-26T18:00:00-03:00", "2017-06-27T12:00:00-03:00"),
        _real("real_gap", _GAP, "2017-07-26T18:00:00-03:00", "2017-07-27T12:00:00-03:00"),
        _real("real_gap", _GAP, "2017-11-19T18:00:00-02:00", "2017-11-20T14:00:00-02:00"),
        _real("black_friday", ("volume.surge",), "2017-11-23T22:00:00-02:00", "2017-11-25T23:00:00-02:00"),
    )
