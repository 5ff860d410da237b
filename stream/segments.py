"""Which channel, client version or region explains a group of orders: its share there against its usual share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from features.batch import PLACES
from stream.cloud_event import Segment

DIMENSIONS: Final = (*PLACES[:4], "promotion")
_MIN_ORDERS: Final = 3  # one order has one channel: that explains nothing
_MIN_SHARE: Final = 0.5
_MIN_LIFT: Final = 1.25


def explain(affected: Mapping[str, Counter[str]], n: int, usual: Mapping[str, Counter[str]]) -> list[Segment]:
    """The values that more than half of n affected orders share and that are not so common otherwise.

    The widest share comes first; of equal ones the dimension that contains the other (a channel before its
    client versions).
    """
    segments = list(_candidates(affected, n, usual)) if n >= _MIN_ORDERS else []
    return sorted(segments, key=lambda one: (-one.share, DIMENSIONS.index(one.dimension)))


def _candidates(affected: Mapping[str, Counter[str]], n: int, usual: Mapping[str, Counter[str]]) -> Iterable[Segment]:
    for dimension, counts in affected.items():
        value, hits = max(counts.items(), key=lambda item: (item[1], item[0]))
        share = hits / n
        total = usual[dimension].total() if dimension in usual else 0
        baseline = usual[dimension][value] / total if total else None
        if share >= _MIN_SHARE and (baseline is None or share >= _MIN_LIFT * baseline):
            yield Segment(dimension, value, round(share, 4), None if baseline is None else round(baseline, 4))
