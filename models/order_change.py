"""What an event would have been with one thing changed; its total follows, so that nothing else becomes wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from features.one_event import column_at, cut

if TYPE_CHECKING:
    from features.batch import Batch
    from features.event_tables import Discounts, Lines

_MOST_MINOR: Final = 2**62
"""Beyond this an amount would not fit into a column."""


def with_price(one: Batch, line: int, price_minor: int) -> Batch | None:
    """Another unit price of one line."""
    prices = one.lines.price_minor.copy()
    prices[line] = price_minor
    return _totalled(one, replace(one.lines, price_minor=prices), one.discounts)


def with_quantity(one: Batch, line: int, pieces: int) -> Batch | None:
    """Another number of pieces of one line."""
    quantity = one.lines.quantity.copy()
    quantity[line] = pieces
    return _totalled(one, replace(one.lines, quantity=quantity), one.discounts)


def without_promotion(one: Batch, promotion: str) -> Batch | None:
    """The order without the discounts of one promotion."""
    rows = np.array([i for i, name in enumerate(one.discounts.promotion) if name != promotion], np.int64)
    changed = _totalled(one, one.lines, cut(one.discounts, rows))
    if changed is not None:
        at = {name: column_at(column, rows) for name, column in one.columns.items() if column.level == "discount"}
        changed.columns = one.columns | at
    return changed


def with_total(one: Batch, total_minor: int) -> Batch | None:
    """Another amount that the customer is asked for."""
    return replace(one, created=replace(one.created, total_minor=np.array([total_minor])))


def with_payment(one: Batch, amount_e4: int) -> Batch | None:
    """Another amount of the event's only payment, in ten thousandths of a unit."""
    return replace(one, payments=replace(one.payments, amount_e4=np.array([amount_e4])))


def with_stock(one: Batch, available: int) -> Batch | None:
    """Another stock level."""
    return replace(one, stock=replace(one.stock, available=np.array([available])))


def with_latency(one: Batch, seconds: int) -> Batch | None:
    """Another time since the stage before."""
    return replace(one, life=replace(one.life, latency_seconds=np.array([float(seconds)])))


def _totalled(one: Batch, lines: Lines, discounts: Discounts) -> Batch | None:
    """The order with other lines or discounts, whatever was wrong with its total still so; None: too much money."""
    created = one.created
    goods = _goods(lines)
    off = sum(discounts.amount_minor.tolist())
    total = int(created.total_minor[0]) + goods - int(created.goods_minor[0]) - off + int(created.discount_minor[0])
    if max(abs(goods), abs(total)) > _MOST_MINOR:
        return None
    created = replace(
        created,
        goods_minor=np.array([goods]),
        discount_minor=np.array([off]),
        total_minor=np.array([total]),
        quantity=np.array([sum(lines.quantity.tolist())]),
    )
    return replace(one, created=created, lines=lines, discounts=discounts)


def _goods(lines: Lines) -> int:
    # Python's integers, which have no end
    return sum(
        price * pieces for price, pieces in zip(lines.price_minor.tolist(), lines.quantity.tolist(), strict=True)
    )
