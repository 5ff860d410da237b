"""One event of a batch as a batch of its own, so that it can be changed and judged again."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from features.batch import Batch, Column, Life
from features.text import Text

if TYPE_CHECKING:
    from features.batch import I64

T = TypeVar("T")

_PLACES: Final = frozenset({"at", "order"})
"""Columns that say where in the batch something belongs: to the one event that is left."""


def one_event(batch: Batch, at: int) -> Batch:
    """The event at a position with all that hangs on it; its arrays are copies.

    Keys, routes and overdue orders are left out: they are no part of the event.
    """
    own = np.array([at])
    created = (batch.created.at == at).nonzero()[0]
    row = int(created[0]) if len(created) else -1
    lines, discounts = (table.order == row for table in (batch.lines, batch.discounts))
    rows = {"event": own, "created": created, "line": lines.nonzero()[0], "discount": discounts.nonzero()[0]}
    return Batch(
        event_id=batch.event_id.take(own),
        order_id=batch.order_id.take(own),
        kind=batch.kind[own],
        time_ms=batch.time_ms[own],
        promised_ms=batch.promised_ms[own],
        approver=batch.approver[own],
        created=cut(batch.created, created),
        lines=cut(batch.lines, rows["line"]),
        discounts=cut(batch.discounts, rows["discount"]),
        payments=cut(batch.payments, (batch.payments.at == at).nonzero()[0]),
        shipments=cut(batch.shipments, (batch.shipments.at == at).nonzero()[0]),
        stock=cut(batch.stock, (batch.stock.at == at).nonzero()[0]),
        failures=cut(batch.failures, (batch.failures.at == at).nonzero()[0]),
        offset=batch.offset[own],
        clock_ms=batch.clock_ms[own],
        late=batch.late[own],
        arrived_ms=batch.arrived_ms[own] if len(batch.arrived_ms) else batch.arrived_ms,
        columns={name: column_at(column, rows[column.level]) for name, column in batch.columns.items()},
        life=Life(*(getattr(batch.life, field.name)[own] for field in fields(Life))),
    )


def cut(table: T, rows: I64) -> T:
    """These rows of a table, all of one event."""
    columns: dict[str, Any] = {}
    for field in fields(table):  # type: ignore[arg-type]  # each table is a dataclass
        column = getattr(table, field.name)
        if isinstance(column, Text):
            columns[field.name] = column.take(rows)
        elif isinstance(column, np.ndarray):
            columns[field.name] = np.zeros(len(rows), np.int64) if field.name in _PLACES else column[rows]
    return type(table)(**columns)


def column_at(column: Column, rows: I64) -> Column:
    """A feature's values and ranges at these rows, and whatever else its column says of a row."""
    taken: dict[str, Any] = {}
    for field in fields(column):
        array = getattr(column, field.name)
        if isinstance(array, np.ndarray):
            taken[field.name] = array[rows]
    return replace(column, **taken)
