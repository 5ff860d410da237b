"""The textbook Faust application: typed records, an agent, a windowed Table, river, alerts to Redis.

Variants: `table` (orders by product in a hopping window of 60 s each 10 s, in a Faust Table; rolling price
statistics), `rolling` (counts in a dictionary instead of the Table), `weighted` (that, and exponentially
weighted price statistics).
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import faust
from redis.asyncio import Redis

from tests.benchmarks.gauge import Gauge, UnderTest, read_arguments
from tests.benchmarks.river_statistics import CHANNEL, STATISTICS, STREAM, Line, MinuteCounts, RiverScorer

if TYPE_CHECKING:
    from collections.abc import Callable

_WINDOW_SECONDS, _STEP_SECONDS, _EXPIRES_SECONDS = 60.0, 10.0, 300.0


class LineItem(faust.Record):
    """One line of an order."""

    sku: str
    product_id: str
    seller_id: str
    quantity: int
    price: str
    unit_cost: str


class Discount(faust.Record):
    """Money taken off."""

    promotion_id: str
    amount: str
    code: str = ""
    type: str = ""


class Order(faust.Record, serializer="json"):
    """The fields of `order.created` that are read."""

    event_id: str
    event_type: str
    occurred_at: str
    order_id: str
    channel: str
    customer_id: str
    currency: str
    line_items: list[LineItem]
    discounts: list[Discount]
    total_shipping: str
    total_tax: str
    total_price: str

    def lines(self) -> list[Line]:
        """The lines, as the scorer wants them."""
        return [Line(item.product_id, float(item.price), item.quantity) for item in self.line_items]


def create_app(run: UnderTest) -> faust.App:
    """The application, with settings that let a group form in seconds; all else as Faust has it."""
    return faust.App(
        run.group,
        broker=f"kafka://{run.brokers}",
        store="memory://",
        topic_partitions=4,
        topic_disable_leader=True,
        stream_wait_empty=False,
        web_enabled=False,
        autodiscover=False,
        datadir=str(run.report.with_suffix(".faust")),
        broker_session_timeout=2,
        broker_heartbeat_interval=0.5,
        broker_rebalance_timeout=4,
    )


def add_agent(app: faust.App, run: UnderTest) -> None:
    """The agent: one order at a time."""
    server: Redis = Redis.from_url(run.redis)
    scorer = RiverScorer(STATISTICS["weighted" if run.variant == "weighted" else "rolling"], _volume(app, run))
    gauge = run.gauge()

    @app.agent(app.topic(run.topic, value_type=Order, partitions=4))
    async def orders(stream: faust.StreamT[Order]) -> None:
        async for order in stream:
            if why := reasons(scorer, order):
                gauge.alerts += 1
                await announce(server, order.order_id, why)
            _count(gauge)


def reasons(scorer: RiverScorer, order: Order) -> list[str]:
    """Score one order."""
    return scorer.reasons(
        order.lines(),
        [float(discount.amount) for discount in order.discounts],
        float(order.total_shipping),
        float(order.total_tax),
        float(order.total_price),
        order.occurred_at[:16],
    )


async def announce(server: Redis, order_id: str, why: list[str]) -> None:
    """Append the alert to the stream and publish it."""
    alert = json.dumps({"order_id": order_id, "reasons": why})
    async with server.pipeline(transaction=False) as pipeline:
        pipeline.xadd(STREAM, {"data": alert}, maxlen=100_000)
        pipeline.publish(CHANNEL, alert)
        await pipeline.execute()


def _volume(app: faust.App, run: UnderTest) -> Callable[[str, str], int]:
    if run.variant != "table":
        return MinuteCounts().add
    counts = app.Table("volume", default=int, partitions=4).hopping(
        _WINDOW_SECONDS, _STEP_SECONDS, expires=_EXPIRES_SECONDS
    )

    def add(product: str, _minute: str) -> int:
        counts[product] += 1
        orders: int = counts[product].current()
        return orders

    return add


def _count(gauge: Gauge) -> None:
    if gauge.count(1):
        sys.stdout.flush()
        os._exit(0)  # the reading is written; Faust would take seconds to leave the group


def main() -> None:
    """Run a Faust worker in this process."""
    run = read_arguments()
    app = create_app(run)
    add_agent(app, run)
    faust.Worker(app, loglevel="error").execute_from_commandline()


if __name__ == "__main__":
    main()
