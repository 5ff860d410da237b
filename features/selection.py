"""Some events of the tables of a scan, with all that hangs on them; nothing is read again."""

from __future__ import annotations

import numpy as np

from features.batch import I64, Flag
from features.wire import tables as wire
from features.wire.tables import Tables


def selected(tables: Tables, keep: Flag) -> Tables:
    """The tables of the events that `keep` marks, as a scan of their messages alone would give them.

    Texts stay in the bytes of all messages, and an event still names the message it came in.
    """
    row_of = np.cumsum(keep) - 1
    created, order_of = _of(tables.created, wire.CREATED_AT, keep, row_of)
    return Tables(
        data=tables.data,
        plain=tables.plain,
        events=tables.events.take(keep.nonzero()[0], axis=1),
        created=created,
        lines=_of(tables.lines, wire.LINE_ORDER, *order_of)[0],
        discounts=_of(tables.discounts, wire.DISCOUNT_ORDER, *order_of)[0],
        payments=_of(tables.payments, wire.PAYMENT_AT, keep, row_of)[0],
        shipments=_of(tables.shipments, wire.SHIPMENT_AT, keep, row_of)[0],
        stock=_of(tables.stock, wire.STOCK_AT, keep, row_of)[0],
        failures=_of(tables.failures, wire.PAYMENT_AT, keep, row_of)[0],
    )


def _of(table: I64, owner: int, keep: Flag, row_of: I64) -> tuple[I64, tuple[Flag, I64]]:
    """Rows whose owner is kept, naming their owner's new row; and which rows of this table those are."""
    kept = keep[table[owner]]
    rows = table.take(kept.nonzero()[0], axis=1)
    rows[owner] = row_of[rows[owner]]
    return rows, (kept, np.cumsum(kept) - 1)
