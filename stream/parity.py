"""Replays the log behind some logged feature rows, by the code of today, and compares them bit for bit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.offline import OfflineLog, Span, Transformed
from features.offline_table import OfflineTable
from features.parity import Parity, compared
from features.progress import shown
from features.source import source_of
from features.table import BEGAN, HASH

if TYPE_CHECKING:
    from config.settings import Settings


class RowsUnusable(ValueError):
    """What was logged can't be replayed; the message says why."""


def check(logged: pa.Table, orders: Any, settings: Settings, *, progress: bool | None = None) -> Parity:
    """Replay `orders`, the log from its start, and compare what was logged of it.

    Each stretch that a worker read with one memory is replayed from where that memory began. Rows of a memory of which
    nobody kept where it began are counted, and left out. Raises RowsUnusable when there is nothing to compare, a row is
    of a partition that the settings do not have, or `orders` hold other events at the same offsets.
    """
    known = _known(logged)
    spans = spans_of(known)
    _refuse(spans, settings)
    log, table = OfflineLog(settings, spans), OfflineTable(settings, "order")
    parts = (part for block in shown(source_of(orders), "parity", visible=progress) for part in log.read(block))
    found = compared(known, _replayed(table, parts))
    _refuse_another_log(found)
    return replace(found, unknown=logged.num_rows - known.num_rows)


def spans_of(logged: pa.Table) -> list[Span]:
    """The stretches of the log that the rows come from, one for each memory, and no longer than is needed."""
    if not logged.num_rows:
        raise RowsUnusable("there is no logged row to compare with; look at --features, --from and --to")
    for name in ("partition", BEGAN, "offset", HASH):
        if name not in logged.schema.names:
            raise RowsUnusable(f"the logged rows have no column {name!r}: they are not of the feature log")
    last = logged.group_by(["partition", BEGAN]).aggregate([("offset", "max")])
    return sorted(
        (Span(row["partition"], row[BEGAN], row["offset_max"]) for row in last.to_pylist()),
        key=lambda span: (span.partition, span.began),
    )


def _known(logged: pa.Table) -> pa.Table:
    """The rows of which it is known where the memory behind them begins."""
    if BEGAN not in logged.schema.names or not logged.num_rows:
        return logged
    known = logged.filter(pc.field(BEGAN) >= 0)
    if not known.num_rows:
        raise RowsUnusable(
            f"none of the {logged.num_rows} rows can be compared: the worker went on from a state that does not say "
            "where it begins; start it once with --forget-state, and the rows from then on can be"
        )
    return known


def _refuse_another_log(found: Parity) -> None:
    for each in found.differences:
        if each.column == "event_id":
            where = f"partition {each.partition}, offset {each.offset}"
            what = f"logged was event {each.logged}, the file has {each.replayed}"
            raise RowsUnusable(f"{where}: {what}; it is not the same topic from its start, in the order of its offsets")


def _refuse(spans: Iterable[Span], settings: Settings) -> None:
    n = settings.kafka.partitions
    for span in spans:
        if span.partition >= n:
            raise RowsUnusable(f"a row is of partition {span.partition}, and kafka.partitions is {n}: use its settings")


def _replayed(table: OfflineTable, parts: Iterable[Transformed]) -> pa.Table:
    """The rows of the replay, with what tells its memories apart."""
    began = pa.field(BEGAN, pa.int64())
    batches = []
    for part in parts:
        rows = table.rows_of(part)
        batches.append(rows.append_column(began, pa.array(np.full(rows.num_rows, part.span.began))))
    return pa.Table.from_batches(batches, table.schema.append(began))
