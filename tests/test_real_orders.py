"""Real orders of a marketplace, through the importer and the whole pipeline, with the settings as shipped.

But for the interest of instalments, which its customers pay on top: a shop that takes it says so.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.settings import load
from stream.evaluation.datasets.olist import Olist
from stream.importers import olist
from stream.replay import ReplaySummary, replay

DATA = Path(os.environ.get("ORDERWATCH_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
OLIST = DATA / "olist_orders_2016_2017.jsonl.gz"

pytestmark = pytest.mark.skipif(not OLIST.exists(), reason=f"needs {OLIST.name} in $ORDERWATCH_DATA")


@cache
def watched() -> tuple[ReplaySummary, list[dict[str, Any]], int]:
    """Summary, alerts and number of orders of the whole file."""
    lines = [msgspec.json.encode(event) for event in olist.events(OLIST)]
    alerts: list[dict[str, Any]] = []
    summary = replay(
        lines,
        load(rules=Olist.overrides["rules"]),
        on_alert=lambda alert: alerts.append(msgspec.json.decode(alert.data)),
    )
    return summary, alerts, sum(b'"order.created"' in line for line in lines)


def fired(kind: str, entity_type: str = "shop") -> list[str]:
    """When conditions of a kind fired, UTC to the hour."""
    return [
        alert["time"][:13]
        for alert in watched()[1]
        if alert["data"]["kind"] == kind
        and alert["data"]["status"] == "firing"
        and alert["data"]["entity"]["type"] == entity_type
    ]


def test_there_is_less_than_one_alert_for_200_orders() -> None:
    summary, _, orders = watched()
    assert summary.invalid == 0
    assert 0 < summary.alerts < orders / 200


def test_black_friday_is_a_surge_of_its_first_hours() -> None:
    assert [hour for hour in fired("volume.surge") if "2017-11-24T02" <= hour <= "2017-11-24T06"]


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("2017-05-20T20", "2017-05-21T12"),
        ("2017-06-26T20", "2017-06-27T14"),
        ("2017-07-26T20", "2017-07-27T12"),
        ("2017-11-19T20", "2017-11-20T14"),
    ],
)
def test_each_ingestion_gap_is_found_while_it_lasts(begins: str, ends: str) -> None:
    assert [hour for hour in fired("volume.zero") if begins <= hour <= ends]
