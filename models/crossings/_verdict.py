"""A verdict on an order of the merged log: what all crossings that find an order say the same way."""

from __future__ import annotations

from features.order_slice import MergedOrders
from models.crossing import Crossing
from models.verdict import Signal, Verdict
from models.verdict_on_row import verdict_on_row


def verdict_on(found_by: Crossing, merged: MergedOrders, at: int, entity: str, signal: Signal) -> Verdict:
    """The verdict that the order at a position of the merged log is a sign of something about `entity`."""
    orders, row = merged.find(at)
    origin = {kind: coded[row] for kind, coded in orders.origin.items()}
    return verdict_on_row(
        orders, row, found_by.entity_type, entity, signal, order_id=orders.order_id[row], origin=origin
    )


def origin_of(merged: MergedOrders, at: int, kind: str) -> str:
    """Where the order at a position came from: its channel, client version or region."""
    orders, row = merged.find(at)
    return orders.origin[kind][row]
