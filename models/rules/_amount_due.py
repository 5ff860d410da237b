"""What an order's own lines say is to be paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from features.batch import I64
    from features.event_tables import Created


def amount_due_minor(created: Created) -> I64:
    """Sum of price x quantity + shipping + tax - sum of discounts, in minor units, for each order placed."""
    return created.goods_minor + created.shipping_minor + created.tax_minor - created.discount_minor
