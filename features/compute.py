"""The features of stored orders, by the code that serves them live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from config.settings import Settings
    from features.table import Rows


def compute(
    orders: Any,
    settings: Settings | None = None,
    *,
    rows: Rows = "order",
    progress: bool | None = None,
) -> pa.Table:
    """The feature values that the stream would have had for these orders, as a table (`.to_pandas()`).

    Runs the stream's own reading, partitioning and features, so a value is the live one to the last bit, given the
    same log from its start. One row an order placed, in the order of their events.

    Parameters
    ----------
    orders
        A path (JSON lines, gzip by name, or Parquet), a table that speaks Arrow (pandas, polars, pyarrow) with a
        column `value` of messages or a column a field of the event, or an iterable of events (bytes, text, dicts).
        All event types, in the order of the log: what an order is compared with comes before it.
    settings
        Those of the stream; by default what `config.settings.load` finds.
    rows
        What a row is: "order" (of line and discount features the value farthest from 0), "line", "discount", or
        "event" (the features of stages).
    progress
        Whether to show a bar; by default on a terminal and in a notebook.

    Columns: event_id, order_id, time, partition, offset; what the row is; a feature each; feature_hash. The schema's
    metadata tells how many messages were refused and how many came twice. Raises `ConfigRefused`, OSError, TypeError.

    >>> order = {"event_type": "order.created", "event_id": "e1", "order_id": "o1", "channel": "app",
    ...     "customer_id": "c1", "currency": "EUR", "occurred_at": "2026-01-01T10:00:00Z", "total_price": "5.00",
    ...     "line_items": [{"sku": "s1", "quantity": 4, "price": "1.25"}]}
    >>> compute([order])["hour_of_week"].to_pylist()
    [82.0]
    """
    import pyarrow as pa

    from config.settings import load
    from features.offline_table import OfflineTable

    table = OfflineTable(load() if settings is None else settings, rows)
    blocks = list(table.blocks(orders, progress=progress))
    return pa.Table.from_batches(blocks, table.schema).replace_schema_metadata(table.told())
