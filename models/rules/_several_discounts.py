"""Orders on which discounts meet: few, so that rules may look at them one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from features.batch import Discounts


def several_discounts(discounts: Discounts) -> Iterator[tuple[int, range]]:
    """Each order with two discounts or more, and the rows of its discounts in the order of application."""
    order = discounts.order
    again = order[1:][order[1:] == order[:-1]]
    if not len(again):
        return
    orders = np.unique(again)
    starts, stops = np.searchsorted(order, orders), np.searchsorted(order, orders, side="right")
    for number, start, stop in zip(orders.tolist(), starts.tolist(), stops.tolist(), strict=True):
        yield number, range(start, stop)
