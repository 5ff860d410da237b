"""Uses of a promotion a minute by customer: the same hand takes it again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Naming, Text, mixed
from models.volume_series import SURGE, VolumeSeries


@dataclass(config=STRICT)
class PromotionCustomerOrders(VolumeSeries):
    """Uses of one promotion by one customer; the customer is what it is called."""

    entity_type: ClassVar[str] = "promotion_customer"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "promotion.customer_burst"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every discount, under its promotion and the order's customer."""
        discounts, customer = batch.discounts, batch.created.customer
        bits = mixed(discounts.promotion.hash, customer.hash[discounts.order])
        named = Text(customer.data, customer.start[discounts.order], customer.length[discounts.order], bits)
        return named, batch.created.at[discounts.order]
