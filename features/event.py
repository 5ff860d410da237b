"""The order event of the contract, as the types that decode it.

Each event type is a `msgspec.Struct` with its own required fields, so one pass over the bytes parses,
checks types and limits, and picks the type. These structs are the only definition of the input:
`config/schema/order_event.v1.json` is generated from them.

Money stays as it was written (decimal string or JSON number) until `features.money` turns it into integer
minor units of the order's currency; no rule ever sees a binary fraction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Raw, Struct, field

MAX_LINES: Final = 1_000
MAX_QUANTITY: Final = 1_000_000

type_name = "event_type"

Text = Annotated[str, Meta(min_length=1, max_length=200)]
LooseText = Annotated[str, Meta(max_length=1_000)]
Money = Annotated[str, Meta(max_length=32)] | int | float
Instant = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(gt=0, le=MAX_QUANTITY)]


class LineItem(Struct, gc=False, kw_only=True):
    """One line of an order: `quantity` pieces of `sku` at the unit price `price`."""

    sku: Text
    quantity: Count
    price: Money
    product_id: Text | None = None
    seller_id: Text | None = None
    unit_cost: Money | None = None


class ShippedItem(Struct, gc=False, kw_only=True):
    """What a parcel holds: `quantity` pieces of `sku`."""

    sku: Text
    quantity: Count


class Discount(Struct, gc=False, kw_only=True):
    """Money taken off by one promotion; the list's order is the order of application."""

    promotion_id: Text
    amount: Money
    code: LooseText | None = None
    type: LooseText | None = None


class Payment(Struct, gc=False, kw_only=True):
    """Money that a payment provider reports as received (`paid`) or returned (`refunded`)."""

    payment_id: Text
    method: Text
    amount: Money
    status: LooseText | None = None


class Address(Struct, gc=False, kw_only=True):
    """Where the order goes. Only its form is judged; `features.tabulate` keeps country and region alone."""

    country: LooseText | None = None
    region: LooseText | None = None
    city: LooseText | None = None
    postal_code: LooseText | None = None
    phone: LooseText | None = None


class Event(Struct, gc=False, kw_only=True, tag_field=type_name):
    """What every event has: an identity and an event time."""

    event_id: Text
    occurred_at: Instant


class OrderEvent(Event, gc=False, kw_only=True):
    """An event about one order; `order_id` is also the Kafka key."""

    order_id: Text
    promised_at: Instant | None = None


class OrderCreated(OrderEvent, gc=False, kw_only=True, tag="order.created"):
    """A customer placed an order."""

    channel: Text
    customer_id: Text
    currency: Text
    line_items: Annotated[list[LineItem], Meta(min_length=1, max_length=MAX_LINES)]
    total_price: Money
    client_version: LooseText | None = None
    discounts: Annotated[list[Discount], Meta(max_length=MAX_LINES)] | None = None
    total_shipping: Money = 0
    total_tax: Money = 0
    shipping_address: Address | None = None


class OrderPaid(OrderEvent, gc=False, kw_only=True, tag="order.paid"):
    """The shop believes the order is paid."""

    payments: Annotated[list[Payment], Meta(min_length=1, max_length=MAX_LINES)]


class OrderApproved(OrderEvent, gc=False, kw_only=True, tag="order.approved"):
    """The order passed its review; of who approved it only a code is kept (`features.approver`)."""

    approved_by: Annotated[
        Raw,
        Meta(description="Who approved it; empty, blank or null: nobody.", examples=["reviewer-7"]),
    ] = field(default_factory=Raw)


class OrderShipped(OrderEvent, gc=False, kw_only=True, tag="order.shipped"):
    """The goods were handed to the carrier."""

    carrier: Text
    tracking_number: Text
    line_items: Annotated[
        Raw,
        Meta(
            description="What this parcel holds, by sku and quantity; in another form it counts as not said.",
            examples=[[{"sku": "S1", "quantity": 2}]],
        ),
    ] = field(default_factory=Raw)


class OrderDelivered(OrderEvent, gc=False, kw_only=True, tag="order.delivered"):
    """The customer has the goods."""


class OrderCancelled(OrderEvent, gc=False, kw_only=True, tag="order.cancelled"):
    """The order will not be fulfilled."""


class OrderRefunded(OrderEvent, gc=False, kw_only=True, tag="order.refunded"):
    """Money went back to the customer."""

    payments: Annotated[list[Payment], Meta(min_length=1, max_length=MAX_LINES)]


class InventoryUpdated(Event, gc=False, kw_only=True, tag="inventory.updated"):
    """A stock level after a change; below zero means that more was sold than there was."""

    sku: Text
    available: Annotated[int, Meta(ge=-(10**12), le=10**12)]


AnyEvent = (
    OrderCreated
    | OrderPaid
    | OrderApproved
    | OrderShipped
    | OrderDelivered
    | OrderCancelled
    | OrderRefunded
    | InventoryUpdated
)

EVENT_TYPES: Final[tuple[type[Event], ...]] = (
    OrderCreated,
    OrderPaid,
    OrderApproved,
    OrderShipped,
    OrderDelivered,
    OrderCancelled,
    OrderRefunded,
    InventoryUpdated,
)
"""In the order of an order's life; a type's place is its code in `Batch.kind`."""

KIND_OF: Final[dict[type[Event], int]] = {cls: code for code, cls in enumerate(EVENT_TYPES)}
CREATED, PAID, APPROVED, SHIPPED, DELIVERED, CANCELLED, REFUNDED, INVENTORY = range(len(EVENT_TYPES))

_decoder = msgspec.json.Decoder(AnyEvent)


def decode_event(value: bytes) -> AnyEvent:
    """Parse and check one event.

    Raises `msgspec.DecodeError` (no JSON) or `msgspec.ValidationError` (JSON, but no event), with the path
    of the field at fault in the message.

    >>> decode_event(b'{"event_type":"order.delivered","event_id":"e1","order_id":"o1",'
    ...              b'"occurred_at":"2026-01-01T10:00:00Z"}').order_id
    'o1'
    """
    event: AnyEvent = _decoder.decode(value)
    return event
