r"""Several scores of one order -> one, without asking whether they are independent.

Each score is 1 - p. The Cauchy combination of the p-values with weights w (they sum to 1) is

    T = sum w_i tan((1/2 - p_i) pi),     p = 1/2 - arctan(T) / pi,     fused score = 1 - p

T is nearly Cauchy in its tail whatever the dependence between the p-values, so detectors that look at the
same thing do not count twice. A rule is hard evidence: a score of 1 counts as p = `HARD_P`. T grows with
every p_i that shrinks, so fusion is monotone.

Plain T has a flaw: p = 1 is as strong a word as p = 0, and one detector that finds an order most ordinary
would silence a broken rule. So no p counts as more than `CALM_P`, and a score alone is at least 1 - `CALM_P`.

Sources: Liu and Xie, Cauchy combination test, JASA 115 (2020); for the truncation, Fang, Chang, Park and
Tseng, Heavy-tailed distribution for combining dependent p-values, arXiv:2103.12967.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

HARD_P: Final = 1e-9
"""What a rule's certainty counts as: rarer than any detector can say, yet finite."""
CALM_P: Final = 0.99
"""The most ordinary that any score can speak for."""


def fuse(scores: Sequence[float], weights: Sequence[float]) -> tuple[float, list[float]]:
    """Fused score of some scores in [0, 1], and what each contributes to it; the contributions sum to it.

    A weight of 0 takes a score out; if all are 0 they count alike. Raises ValueError for no scores.

    >>> fused, contributions = fuse([0.999, 0.5], [1.0, 1.0])
    >>> round(fused, 4), [round(part, 4) for part in contributions]
    (0.998, [0.998, 0.0])
    """
    if not scores:
        raise ValueError("no score to fuse")
    total = math.fsum(weights)
    shares = [weight / total for weight in weights] if total > 0 else [1 / len(scores)] * len(scores)
    terms = [share * _cauchy(score) for share, score in zip(shares, scores, strict=True)]
    fused = 0.5 + math.atan(math.fsum(terms)) / math.pi
    positive = [max(term, 0.0) for term in terms]
    if (evidence := math.fsum(positive)) > 0:
        return fused, [fused * term / evidence for term in positive]
    return fused, [fused * share for share in shares]


def _cauchy(score: float) -> float:
    p = min(max(1.0 - score, HARD_P), CALM_P)
    return math.tan((0.5 - p) * math.pi)
