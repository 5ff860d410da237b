"""A plain confluent-kafka loop: poll, `json.loads`, river one order at a time, alerts to Redis.

Variants: `weighted` (exponentially weighted price statistics, as orderwatch keeps: like for like), `rolling`.
"""

from __future__ import annotations

import json
from typing import Any

from confluent_kafka import Consumer
from redis import Redis

from tests.benchmarks.gauge import UnderTest, read_arguments
from tests.benchmarks.river_statistics import CHANNEL, STATISTICS, STREAM, Line, MinuteCounts, RiverScorer

_POLL_SECONDS = 0.05
_MAX_RECORDS = 1_000


def reasons(scorer: RiverScorer, order: dict[str, Any]) -> list[str]:
    """Score one decoded order."""
    return scorer.reasons(
        [Line(line["product_id"], float(line["price"]), line["quantity"]) for line in order["line_items"]],
        [float(discount["amount"]) for discount in order["discounts"]],
        float(order["total_shipping"]),
        float(order["total_tax"]),
        float(order["total_price"]),
        order["occurred_at"][:16],
    )


def announce(server: Redis, order_id: str, why: list[str]) -> None:
    """Append the alert to the stream and publish it."""
    alert = json.dumps({"order_id": order_id, "reasons": why})
    with server.pipeline(transaction=False) as pipeline:
        pipeline.xadd(STREAM, {"data": alert}, maxlen=100_000)
        pipeline.publish(CHANNEL, alert)
        pipeline.execute()


def consume(run: UnderTest) -> None:
    """Score every order until the gauge has seen enough."""
    consumer = Consumer(
        {
            "bootstrap.servers": run.brokers,
            "group.id": run.group,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 500,
        }
    )
    consumer.subscribe([run.topic])
    server = Redis.from_url(run.redis)
    scorer = RiverScorer(STATISTICS[run.variant], MinuteCounts().add)
    gauge = run.gauge()
    while not gauge.done:
        messages = consumer.consume(_MAX_RECORDS, _POLL_SECONDS)
        for message in messages:
            order = json.loads(message.value() or b"")
            if why := reasons(scorer, order):
                gauge.alerts += 1
                announce(server, order["order_id"], why)
        if messages:
            gauge.count(len(messages))
    consumer.close()


if __name__ == "__main__":
    consume(read_arguments())
