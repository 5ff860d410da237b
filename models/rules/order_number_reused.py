"""One number, two different orders."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from features.columns.created_again import OTHER
from features.feature import STRICT
from models.examples import created, line, paid
from models.rules._created_again import AgainRule


@dataclass(config=STRICT)
class OrderNumberReused(AgainRule):
    """`order.created` for a number that was told before with another customer, basket, currency or amount.

    Either two orders share a number, and one of them will be lost, or an order was changed after it was placed.
    Observed is 2 of at most 1.
    """

    kind = "duplicate.order_number"
    value = OTHER

    FIRES = (
        [created(), created(at=60, customer_id="c2")],
        [created(), paid(), created(at=90, line_items=[line(quantity=2)], total_price="210.00")],
        [created(), created(at=60, currency="USD")],
    )
    QUIET = (
        [created()],
        [created(), created(at=60)],
        [created(), created("o2", at=60, customer_id="c2")],
        [paid(), created(at=90)],
    )
