"""A verdict on an order of the merged log: what all crossings that find an order say the same way."""

from __future__ import annotations

from features.order_slice import ORIGIN, MergedOrders
from models.crossing import Crossing
from models.verdict import Signal, Verdict


def verdict_on(found_by: Crossing, merged: MergedOrders, at: int, entity: str, signal: Signal) -> Verdict:
    """The verdict that the order at a position of the merged log is a sign of something about `entity`."""
    orders, row = merged.find(at)
    return Verdict(
        kind=found_by.kind,
        score=signal.score,
        entity_type=found_by.entity_type,
        entity=entity,
        time_ms=int(orders.time_ms[row]),
        clock_ms=int(orders.clock_ms[row]),
        partition=orders.partition,
        offset=int(orders.offset[row]),
        signals=(signal,),
        order_id=orders.order_id[row],
        currency=orders.origin["currency"][row],
        segment={kind: value for kind in ORIGIN if (value := orders.origin[kind][row])},
    )


def origin_of(merged: MergedOrders, at: int, kind: str) -> str:
    """Where the order at a position came from: its channel, client version or region."""
    orders, row = merged.find(at)
    return orders.origin[kind][row]
