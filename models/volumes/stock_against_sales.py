"""Stock levels against sales: what sells although nothing is left, or more than was left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass as plain
from typing import Annotated, ClassVar, Final

import numba
import numpy as np
from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.event_tables import Lines, Stock
from features.feature import STRICT
from features.text import Naming, Text, mixed
from models.volume_series import SURGE, VolumeSeries

SEPARATOR: Final = "\x7f"
"""Between sku, time and level of a stock report told as one text, and at its end: no key of a sale ends with it."""
_MOST_PIECES: Final = 1_000


@dataclass(config=STRICT)
class StockAgainstSales(VolumeSeries):
    """Pieces sold since a sku's last stock report, against the level that it reported.

    Sold since then > level + tolerance_pieces: the level is wrong, or goods are sold that are not there. A level
    of 0 that is reported again and again is the last report, however often it comes. Sales and reports of a sku
    lie in different partitions, so they meet by the pane; a report counts after all sales of its pane.

    Parameters
    ----------
    alert_p
        Not used: levels are no matter of chance.
    tolerance_pieces
        Pieces on orders that were on their way when the level was counted.
    """

    entity_type: ClassVar[str] = "sku"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "inventory.sold_without_stock"}

    tolerance_pieces: Annotated[int, Ge(0)] = 3

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every piece sold, under its sku, and every report under a text of its own."""
        lines, stock = batch.lines, batch.stock
        line = _lines_of_pieces(lines.quantity)
        if not len(stock.at):
            return lines.sku.take(line), batch.created.at[lines.order[line]]
        at = np.concatenate([batch.created.at[lines.order[line]], stock.at])
        time_ms = batch.time_ms[stock.at]
        reports = mixed(mixed(stock.sku.hash, time_ms), stock.available)
        return _Moves(np.concatenate([lines.sku.hash[line], reports]), lines, line, stock, time_ms), at


@numba.njit(cache=True)
def _lines_of_pieces(quantity: I64) -> I64:
    """The line of each piece sold."""
    pieces = 0
    for wanted in quantity:
        pieces += min(wanted, _MOST_PIECES)
    line, n = np.empty(pieces, np.int64), 0
    for i in range(len(quantity)):
        for _ in range(min(quantity[i], _MOST_PIECES)):
            line[n] = i
            n += 1
    return line


@plain(slots=True)
class _Moves:
    """Sales, and then reports; a report's name is written only where it is taken."""

    hash: I64
    lines: Lines
    line: I64
    stock: Stock
    time_ms: I64

    def __len__(self) -> int:
        return len(self.line) + len(self.stock.at)

    def take(self, rows: I64) -> Text:
        """Sales by their skus, reports by sku, time and level; `rows` ascend."""
        n_sold = int(np.searchsorted(rows, len(self.line)))
        sold = self.lines.sku.take(self.line[rows[:n_sold]])
        if n_sold == len(rows):
            return sold
        told = [self._report(row) for row in (rows[n_sold:] - len(self.line)).tolist()]
        return Text.join([sold, Text.of(told)])

    def _report(self, row: int) -> str:
        parts = (self.stock.sku[row], int(self.time_ms[row]), int(self.stock.available[row]))
        return SEPARATOR.join(map(str, parts)) + SEPARATOR
