r"""Which channel, client version or region explains a group of orders: its share there against its usual share.

A share is only told if chance does not explain it. Of N orders of the day before, k had the value; if the n
affected orders were drawn like those, the number X of them with the value is beta-binomial, which allows for how
little a short day says of a share:

    P(X = x) = C(n, x) B(x + k + 1, n - x + N - k + 1) / B(k + 1, N - k + 1)

A value explains if P(X >= observed) times the number of values that were tried (Bonferroni) is at most `_ALPHA`.
A dimension of which no usual share is known explains nothing; an error is no order's, so its usual share is 0.

Source: Gelman et al., Bayesian Data Analysis (3rd ed.), ch. 2.4 (the predictive distribution of a share).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from features.batch import PLACES
from stream.cloud_event import Segment

_ERROR: Final = "error"
DIMENSIONS: Final = (*PLACES[:4], "promotion", _ERROR)
_MIN_ORDERS: Final = 3  # one order has one channel: that explains nothing
_MIN_SHARE: Final = 0.5
_MIN_LIFT: Final = 1.25
_ALPHA: Final = 0.01
_NEGLIGIBLE: Final = 1e-15


def explain(affected: Mapping[str, Counter[str]], n: int, usual: Mapping[str, Counter[str]]) -> list[Segment]:
    """The values that more than half of n affected orders share and that are so common neither otherwise nor by chance.

    The widest share comes first; of equal ones the dimension that contains the other (a channel before its
    client versions).

    >>> usual = {"channel": Counter(app=500, web=500)}
    >>> explain({"channel": Counter(app=9, web=1)}, 10, usual)
    []
    >>> [(one.value, one.share, one.baseline) for one in explain({"channel": Counter(app=12)}, 12, usual)]
    [('app', 1.0, 0.5)]
    """
    if n < _MIN_ORDERS:
        return []
    tried = sum(len(counts.keys() | usual.get(dimension, counts).keys()) for dimension, counts in affected.items())
    segments = list(_candidates(affected, n, usual, _ALPHA / max(tried, 1)))
    return sorted(segments, key=lambda one: (-one.share, DIMENSIONS.index(one.dimension)))


def _candidates(
    affected: Mapping[str, Counter[str]], n: int, usual: Mapping[str, Counter[str]], alpha: float
) -> Iterable[Segment]:
    for dimension, counts in affected.items():
        if dimension == _ERROR:
            yield from _commonest(counts, n)
            continue
        total = usual[dimension].total() if dimension in usual else 0
        if not total:
            continue
        value, hits = max(counts.items(), key=lambda item: (item[1], item[0]))
        share, known = hits / n, usual[dimension][value]
        baseline = known / total
        if share >= max(_MIN_SHARE, _MIN_LIFT * baseline) and chance(hits, n, known, total) <= alpha:
            yield Segment(dimension, value, round(share, 4), round(baseline, 4))


def _commonest(errors: Counter[str], n: int) -> Iterable[Segment]:
    value, hits = max(errors.items(), key=lambda item: (item[1], item[0]))
    if hits / n >= _MIN_SHARE:
        yield Segment(_ERROR, value, round(hits / n, 4), 0.0)


def chance(hits: int, n: int, known: int, total: int) -> float:
    """P(at least `hits` of n orders have a value that `known` of `total` usual ones had).

    >>> round(chance(3, 3, 0, 0), 4), round(chance(3, 3, 500, 1000), 4)
    (0.25, 0.1254)
    """
    a, b = known + 1, total - known + 1
    term = math.exp(_log_term(hits, n, a, b))
    tail = term
    for x in range(hits, n):
        term *= (n - x) * (x + a) / ((x + 1) * (n - x - 1 + b))
        tail += term
        if term < _NEGLIGIBLE * tail:
            break
    return min(tail, 1.0)


def _log_term(x: int, n: int, a: int, b: int) -> float:
    choose = math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
    drawn = math.lgamma(x + a) + math.lgamma(n - x + b) - math.lgamma(n + a + b)
    return choose + drawn - math.lgamma(a) - math.lgamma(b) + math.lgamma(a + b)
