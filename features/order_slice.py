"""What leaves a partition: the columns that must be counted across partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import xxhash
from numpy.typing import NDArray

from features.batch import I64, Batch

_REMEMBERED: Final = 100_000


class _SkuHash(dict[str, int]):
    """Text -> 64 stable bits, remembered because skus repeat."""

    def __missing__(self, sku: str) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        bits = self[sku] = xxhash.xxh3_64_intdigest(sku.encode()) >> 1
        return bits


_sku_hash = _SkuHash()
_ODD = np.uint64(0x9E3779B97F4A7C15)


def basket_hash(batch: Batch) -> I64:
    """64 bits that two orders share when they hold the same skus in the same quantities, in whatever order."""
    lines = batch.lines
    bits = np.array([_sku_hash[sku] for sku in lines.sku], np.uint64)
    mixed = (bits + lines.quantity.astype(np.uint64)) * _ODD
    mixed ^= mixed >> np.uint64(29)
    starts = np.searchsorted(lines.order, np.arange(len(batch.created)))
    if not len(starts):
        return np.zeros(0, np.int64)
    return np.add.reduceat(mixed * _ODD, starts).view(np.int64)


Texts = NDArray[np.object_]


@dataclass(slots=True)
class OrderSlice:
    """Orders placed in one batch of one partition, ready to be merged with those of the others.

    `clock_ms` is the partition's event-time clock at each order: with partition and offset it gives every order
    its place in one merged log that is the same however the partitions were read. `segment` holds channel,
    client version and region.
    """

    partition: I64
    time_ms: I64
    clock_ms: I64
    offset: I64
    order_id: Texts
    customer: Texts
    basket: I64
    total_e4: I64
    currency: Texts
    segment: Texts

    @classmethod
    def of(cls, partition: int, batch: Batch) -> OrderSlice:
        """Cut the orders placed out of a batch."""
        created, at = batch.created, batch.created.at
        segment = np.empty(len(at), np.object_)
        segment[:] = list(zip(created.channel, created.client_version, created.region, strict=True))
        return cls(
            partition=np.full(len(at), partition, np.int64),
            time_ms=batch.time_ms[at],
            clock_ms=batch.clock_ms[at],
            offset=batch.offset[at],
            order_id=texts(batch.order_id)[at],
            customer=texts(created.customer),
            basket=basket_hash(batch),
            total_e4=created.total_minor * 10 ** (4 - created.exponent),
            currency=texts(created.currency),
            segment=segment,
        )

    def __len__(self) -> int:
        """Orders."""
        return len(self.offset)

    def take(self, rows: I64 | slice) -> OrderSlice:
        """The orders at `rows`, in that order."""
        return OrderSlice(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @staticmethod
    def merge(slices: Sequence[OrderSlice]) -> OrderSlice:
        """All orders of some slices, in the order of the merged log: by clock, then partition, then offset."""
        if len(slices) == 1:
            return slices[0]
        merged = OrderSlice(
            **{
                field.name: np.concatenate([getattr(part, field.name) for part in slices])
                for field in fields(OrderSlice)
            }
        )
        order = np.lexsort((merged.offset, merged.partition, merged.clock_ms))
        return merged.take(order)


def texts(values: list[str]) -> Texts:
    """Text as a column of references: picked and joined without touching the text."""
    return np.array(values, np.object_)
