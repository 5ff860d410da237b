"""The orders that a partition saw last, so that an alert can name normal ones beside the abnormal one."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from features.state import State, gathered, part_of, read_back, written
from features.text import Text

if TYPE_CHECKING:
    from features.batch import I64, Batch

_RECENT: Final = 1024
_MOST_PIECES: Final = 64
_MOST_ODD: Final = 4096


class _Orders(NamedTuple):
    """Some orders: what they are called, and the bits of their channel and of their lines' products."""

    offset: I64
    order_id: Text
    channel: I64
    line_order: I64
    line_product: I64

    def product(self) -> I64:
        """The bits of each order's first product; 0 of one without lines."""
        first = np.searchsorted(self.line_order, np.arange(len(self.offset) + 1))
        product = np.append(self.line_product, 0)[first[:-1]]
        return np.where(first[:-1] < first[1:], product, 0)


class RecentOrders:
    """The last 1,024 orders before any place of a partition's log.

    A batch costs a few microseconds; orders are compared when somebody asks. Where the log was cut into batches has no
    say in the answer. Memory: the messages of those orders, and what was read of them; at most of two batches more.
    """

    def __init__(self) -> None:
        """Start with no order."""
        self._pieces: deque[_Orders] = deque()
        self._rows = 0
        self._odd: dict[str, None] = {}

    def add(self, batch: Batch) -> None:
        """Take in the orders placed in a batch."""
        created, lines = batch.created, batch.lines
        n = len(created)
        if not n:
            return
        if len(self._pieces) >= _MOST_PIECES:
            self._compact()
        order_id, channel = batch.order_id.take(created.at), created.channel.hash.copy()
        line_order, line_product = lines.order.copy(), lines.product.hash.copy()
        self._pieces.append(_Orders(batch.offset[created.at], order_id, channel, line_order, line_product))
        self._rows += n
        # what lies before the last 1,024 orders before this batch nobody asks for
        while self._rows - len(self._pieces[0].offset) - n >= _RECENT:
            self._rows -= len(self._pieces.popleft().offset)

    def mark(self, order_id: str) -> None:
        """This order is not normal."""
        if not order_id:
            return
        self._odd[order_id] = None
        if len(self._odd) > _MOST_ODD:
            del self._odd[next(iter(self._odd))]

    def like(self, offset: int, channel: int, product: int, *, beside: str = "", most: int = 3) -> tuple[str, ...]:
        """The latest normal orders before an offset: of product and channel (both as bits), of either, else.

        `beside` : the order that they are named beside.
        """
        found: list[str] = []
        pieces = list(self._pieces)
        if not pieces:
            return ()
        offsets = np.concatenate([piece.offset for piece in pieces])
        channels = np.concatenate([piece.channel for piece in pieces])
        products = np.concatenate([piece.product() for piece in pieces])
        end = int(np.searchsorted(offsets, offset))
        part = slice(max(0, end - _RECENT), end)
        likeness = 2 * (products[part] == product) + (channels[part] == channel)
        rows = np.lexsort((np.arange(len(likeness)), likeness))[::-1]
        for row in rows[likeness[rows] > 0].tolist():
            name = self._name(part.start + row)
            if name not in self._odd and name not in found and name != beside:
                found.append(name)
            if len(found) == most:
                break
        return tuple(found)

    def get_state(self) -> State:
        """The orders, and which of them are odd."""
        own: State = {"odd": written(list(self._odd))}
        if not self._pieces:
            return gathered({"own": own})
        self._compact()
        piece = self._pieces[0]
        own |= {"offset": piece.offset, "channel": piece.channel, "product": piece.line_product}
        return gathered({"own": own, "order_id": piece.order_id.get_state()})

    def set_state(self, state: State) -> None:
        """Go on from these orders."""
        self._odd = dict.fromkeys(read_back(state["own/odd"], list[str]))
        self._pieces.clear()
        self._rows = 0
        if "own/offset" in state:
            text = Text.from_state(part_of(state, "order_id"))
            columns = (state[f"own/{name}"].copy() for name in ("offset", "channel", "product"))
            offset, channel, product = columns
            self._pieces.append(_Orders(offset, text, channel, np.arange(len(offset)), product))
            self._rows = len(offset)

    def _name(self, row: int) -> str:
        for piece in self._pieces:
            if row < len(piece.offset):
                return piece.order_id[row]
            row -= len(piece.offset)
        raise IndexError(row)

    def _compact(self) -> None:
        """Join the pieces, and drop what nobody asks for any more."""
        order_id = Text.join([piece.order_id.packed() for piece in self._pieces])
        offset = np.concatenate([piece.offset for piece in self._pieces])
        channel = np.concatenate([piece.channel for piece in self._pieces])
        product = np.concatenate([piece.product() for piece in self._pieces])
        last = slice(max(0, len(offset) - _RECENT), None)
        n = len(offset[last])
        kept = _Orders(offset[last], order_id.take(last).packed(), channel[last], np.arange(n), product[last])
        self._pieces = deque([kept])
        self._rows = n
