"""Two hours of a small shop in four partitions, and what the pipeline says of them: what several tests read."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from typing import Any

from config.promotions import PromotionRegister
from config.settings import Settings, load
from features.partitioner import key_of, partitions_of
from models.examples import created, delivered, encoded, line, paid, shipped
from stream.alert import Alert
from stream.pipeline import Outcome, Pipeline
from stream.record import StoredRecord

PARTITIONS = 4
REGISTER = PromotionRegister.parse({"promotions": [{"promotion_id": "P1", "excludes": ["P2"]}, {"promotion_id": "P2"}]})


@cache
def default_settings() -> Settings:
    """The settings as shipped."""
    return load()


@cache
def log() -> tuple[tuple[StoredRecord, ...], ...]:
    """Two hours of a small shop in four partitions, with a typo, stacked coupons, a double order and rubbish."""
    draw = random.Random(11)
    events: list[dict[str, Any]] = []
    for n in range(1500):
        k = n % 37 if n != 1234 else 1233 % 37
        price, pieces = 100 + k, 201 if n == 1400 else 1
        typo = k == 5 and 1200 < n < 1350
        shown = price * 10 if typo else price
        stacked = 1100 < n < 1130
        discounts = [{"promotion_id": p, "amount": "20.00"} for p in ("P1", "P2")] if stacked else []
        total = shown * pieces + 10 - 20 * len(discounts)
        order = created(
            f"o{n}",
            at=n * 5 + draw.random() * 8,
            customer_id=f"c{n % 400}" if n != 1234 else f"c{1233 % 400}",
            channel=("app", "web", "tmall")[n % 3] if not stacked else "app",
            client_version="8.3.1" if stacked else "8.4.0",
            line_items=[line(sku=f"S{k}", product_id=f"P{k}", price=f"{shown}.00", quantity=pieces)],
            discounts=discounts,
            total_price=f"{total if n != 700 else 1}.00",
        )
        events.append(order)
        if n % 3 == 0:
            events.append(paid(f"o{n}", at=n * 5 + 60 + draw.random() * 20, amount=f"{total + (n == 600)}.00"))
        if n % 9 == 0:
            events.append(shipped(f"o{n}", at=n * 5 + 900 + 300 * draw.random()))
            events.append(delivered(f"o{n}", at=n * 5 + 2000 + 600 * draw.random()))
    events.sort(key=lambda event: str(event["occurred_at"]))
    values = [encoded(event) for event in events]
    values[2000:2000] = [b"rubbish %d" % i for i in range(12)]
    values.insert(500, values[490])
    return partitioned(values)


def partitioned(values: Sequence[bytes]) -> tuple[tuple[StoredRecord, ...], ...]:
    """Records as they lie in the partitions."""
    keys = [key_of(value) or value for value in values]
    parts: list[list[StoredRecord]] = [[] for _ in range(PARTITIONS)]
    for key, value, partition in zip(keys, values, partitions_of(keys, PARTITIONS).tolist(), strict=True):
        parts[partition].append(StoredRecord(value, key, len(parts[partition])))
    return tuple(tuple(part) for part in parts)


def run(parts: Sequence[Sequence[StoredRecord]], seed: int = 0, largest: int = 400) -> list[Outcome]:
    """Read the partitions to their ends, in pieces and in an order that the seed decides."""
    draw = random.Random(seed)
    pipeline = Pipeline(default_settings(), partitions=PARTITIONS, promotions=REGISTER)
    position = [0] * len(parts)
    outcomes = []
    while unread := [p for p in range(len(parts)) if position[p] < len(parts[p])]:
        partition = draw.choice(unread)
        size = draw.randint(1, largest)
        records = parts[partition][position[partition] : position[partition] + size]
        position[partition] += size
        outcomes.append(pipeline.process(partition, records))
    return [*outcomes, pipeline.finish()]


def alerts_of(outcomes: Sequence[Outcome]) -> list[Alert]:
    """All alerts, in order."""
    return [alert for outcome in outcomes for alert in outcome.alerts]


@cache
def reference() -> tuple[bytes, ...]:
    """Every alert of the log, as bytes, from one fixed way of reading it."""
    return tuple(alert.data for alert in alerts_of(run(log())))
