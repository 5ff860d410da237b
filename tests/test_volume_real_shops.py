"""The volume baselines on the orders of real shops: their known incidents and few others."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from models.volume import SURGE, ZERO, SeasonalVolume, SparseVolume
from tests.volume_traffic import DAY, incidents

DATA = Path(os.environ.get("ORDERWATCH_DATA", "../shared/data"))


def purchases(name: str, field: str, since: str) -> np.ndarray:
    """Minutes of a public data set's orders; skips the test where it is not at hand."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there; $ORDERWATCH_DATA names the folder")
    with gzip.open(path) as lines:
        texts = [json.loads(line)[field] for line in lines]
    times = [int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) for text in texts if text >= since]
    return np.sort(np.array(times)) // 60


def minute(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


def covers(spans: list[tuple[int, int]], first: str, last: str) -> bool:
    return any(start <= minute(last) and end >= minute(first) for start, end in spans)


OLIST_KNOWN = [
    ("2017-05-20T19:45", "2017-05-21T08:00"),
    ("2017-06-26T18:26", "2017-06-27T10:36"),
    ("2017-07-26T22:07", "2017-07-27T08:43"),
    ("2017-11-19T22:06", "2017-11-20T11:00"),
    ("2017-11-24T00:00", "2017-11-25T00:00"),
]


def test_a_real_marketplace_gives_its_known_incidents_and_few_others() -> None:
    panes = purchases("olist_orders_2016_2017.jsonl.gz", "purchase", "2017-01-05")
    found = SeasonalVolume().close(int(panes[-1]), np.zeros_like(panes), panes, np.ones_like(panes))
    spans = incidents(found)
    assert all(covers(spans, *known) for known in OLIST_KNOWN)
    others = [s for s in spans if not any(covers([s], *known) for known in OLIST_KNOWN)]
    assert len(others) <= 10
    gaps = found.pane[found.direction == ZERO]
    for first, last in OLIST_KNOWN[:4]:
        assert ((gaps > minute(first)) & (gaps < minute(last))).any(), first
    black_friday = (found.pane >= minute("2017-11-24T00:00")) & (found.pane < minute("2017-11-25T00:00"))
    assert (found.direction[black_friday] == SURGE).sum() > 1000


def test_nights_and_closed_days_of_a_real_wholesaler_are_normal() -> None:
    panes = purchases("uci_online_retail_to_2011_06.jsonl.gz", "ts", "2010-12-01")
    found = SeasonalVolume().close(int(panes[-1]), np.zeros_like(panes), panes, np.ones_like(panes))
    spans = [s for s in incidents(found) if s[0] >= minute("2010-12-20T00:00")]
    holidays = [
        ("2010-12-23T18:00", "2011-01-04T10:00"),  # Christmas
        ("2011-04-21T20:00", "2011-04-26T09:00"),  # Easter
        ("2011-04-28T20:00", "2011-05-01T11:00"),  # a royal wedding
        ("2011-05-02T00:00", "2011-05-03T09:00"),  # bank holiday
        ("2011-05-30T00:00", "2011-05-31T09:00"),  # bank holiday
    ]
    assert all(covers(spans, *holiday) for holiday in holidays)
    others = [s for s in spans if not any(covers([s], *holiday) for holiday in holidays)]
    assert len(others) <= 4  # Saturdays would be 27, nights 190
    saturdays = [s for s in others if (s[0] // DAY + 3) % 7 == 5]
    assert not saturdays


def test_products_of_a_real_marketplace_are_left_in_peace() -> None:
    path = DATA / "olist_orders_2016_2017.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there; $ORDERWATCH_DATA names the folder")
    sold = []
    with gzip.open(path) as lines:
        for line in lines:
            order = json.loads(line)
            if order["purchase"] >= "2017-01-05":
                sold += [(minute(order["purchase"]), product) for product in {i["product_id"] for i in order["items"]}]
    keys: dict[str, int] = {}
    rows = np.array([keys.setdefault(product, len(keys)) for _, product in sold])
    panes = np.array([pane for pane, _ in sold])
    found = SparseVolume().close(int(panes.max()), rows, panes, np.ones_like(rows))
    assert len({(r, p // DAY) for r, p in zip(found.row.tolist(), found.pane.tolist(), strict=True)}) <= 10
