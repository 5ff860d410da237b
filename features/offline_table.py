"""A stored log as a table of features, block by block, for more orders than fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from config.registry import discover
from config.settings import Settings
from features.feature import Feature
from features.fingerprint import COLUMNS, fingerprint
from features.offline import OfflineLog, Transformed, partition_of
from features.progress import shown
from features.source import source_of
from features.table import Rows, events_of, features_for, tabled
from features.tabulate import nothing


class OfflineTable:
    """Reads a log once, from its start to its end.

    Parameters
    ----------
    settings
        Those of the stream.
    rows
        What a row is.
    """

    def __init__(self, settings: Settings, rows: Rows) -> None:
        """Nothing has been read."""
        parts = discover(COLUMNS, Feature)
        on = {name: parts[name] for name, part in settings.features.items() if part.on}
        self.names = features_for(rows, on)
        self.feature_hash = fingerprint(settings.features)
        self._settings, self._rows = settings, rows
        self.log = OfflineLog(settings)

    @cached_property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        batch = nothing()
        partition_of(self._settings).transform(batch)
        return tabled(0, batch, self._rows, self.names, self.feature_hash).schema

    def blocks(self, orders: Any, *, progress: bool | None) -> Iterator[pa.RecordBatch]:
        """The rows of the orders, as they are read."""
        for messages in shown(source_of(orders), "features", visible=progress):
            parts = self.log.read(messages)
            if parts:
                yield self._in_order(parts)

    def rows_of(self, part: Transformed) -> pa.RecordBatch:
        """The rows of one batch."""
        return tabled(part.span.partition, part.batch, self._rows, self.names, self.feature_hash)

    def _in_order(self, parts: list[Transformed]) -> pa.RecordBatch:
        """The rows of all partitions, as their events followed one another."""
        tables = [self.rows_of(part) for part in parts]
        if len(tables) == 1:
            return tables[0]
        came = np.concatenate([part.message[events_of(part.batch, self._rows)[0]] for part in parts])
        return pa.concat_batches(tables).take(pa.array(np.argsort(came, kind="stable")))

    def told(self) -> dict[str, str]:
        """What is to be known of the table beside its rows."""
        counts = {"refused": self.log.refused, "duplicates": self.log.duplicates}
        return {"feature_hash": self.feature_hash} | {name: str(count) for name, count in counts.items()}
