"""Orders on which discounts meet: few, so that rules may look at them one by one."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from features.batch import Discounts


def several_discounts(discounts: Discounts) -> Iterator[tuple[int, slice]]:
    """Each order with two discounts or more, and where its discounts lie, in the order of application."""
    order = discounts.order
    with_next = (order[1:] == order[:-1]).nonzero()[0].tolist()
    for number, group in groupby(with_next, order.item):
        rows = list(group)
        yield int(number), slice(rows[0], rows[-1] + 2)
