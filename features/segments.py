"""How orders usually split between channels, client versions and regions."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from features.batch import I64, PLACES
from features.order_slice import Texts

KNOWN: Final = PLACES[:3]
_BUCKET_MS: Final = 600_000
_BUCKETS: Final = 144


class UsualShares:
    """How orders usually split, over the last day: counted in buckets of ten minutes of event time.

    Only whole buckets before the moment asked about count, so the answer does not depend on how far the log
    was read when it was asked.
    """

    def __init__(self) -> None:
        """Start with nothing usual."""
        self._buckets: dict[int, Counter[tuple[str, str, str]]] = defaultdict(Counter)

    def add(self, clock_ms: I64, segments: Texts) -> None:
        """Count orders by channel, client version and region."""
        if not len(segments):
            return
        buckets = (clock_ms // _BUCKET_MS).tolist()
        if buckets[0] == buckets[-1]:
            self._buckets[buckets[0]].update(segments.tolist())
        else:
            for bucket, segment in zip(buckets, segments, strict=True):
                self._buckets[bucket][segment] += 1
        for old in [bucket for bucket in self._buckets if bucket < buckets[-1] - 2 * _BUCKETS]:
            del self._buckets[old]

    def at(self, clock_ms: int) -> dict[str, Counter[str]]:
        """Orders by value, for each dimension known, in the day before `clock_ms`."""
        now = clock_ms // _BUCKET_MS
        usual: dict[str, Counter[str]] = {dimension: Counter() for dimension in KNOWN}
        for bucket, counts in self._buckets.items():
            if now - _BUCKETS <= bucket < now:
                for segment, n in counts.items():
                    for dimension, value in zip(KNOWN, segment, strict=True):
                        usual[dimension][value] += n
        return usual
