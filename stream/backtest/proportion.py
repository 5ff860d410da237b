"""A share of something counted, with the interval in which the true share may lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

CONFIDENCE: Final = 0.95
_Z: Final = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


@dataclass(frozen=True, slots=True)
class Proportion:
    r"""`hits` of `n`, and Wilson's score interval at 95 %.

    With p = hits / n and z = 1.96, low and high are the roots of (p - x)^2 = z^2 x (1 - x) / n:

        (p + z^2 / 2n  -+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    It stays within [0, 1] and is not empty at 0 or n hits. Of n = 0 nothing is known: 0 to 1, and the share is None.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927); Brown, Cai
    and DasGupta, Interval estimation for a binomial proportion, Statistical Science 16 (2001).

    >>> some = Proportion(9, 10)
    >>> some.share, round(some.low, 3), round(some.high, 3)
    (0.9, 0.596, 0.982)
    """

    hits: int
    n: int

    @property
    def share(self) -> float | None:
        """hits / n; None where n is 0."""
        return self.hits / self.n if self.n else None

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self._ends()[0]

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self._ends()[1]

    def __str__(self) -> str:
        """As a person reads it.

        >>> str(Proportion(9, 10)), str(Proportion(0, 0))
        ('90 % (9 of 10; 60 to 98 %)', 'none to count')
        """
        if self.share is None:
            return "none to count"
        share, low, high = (f"{100 * one:.0f}" for one in (self.share, self.low, self.high))
        return f"{share} % ({self.hits:,} of {self.n:,}; {low} to {high} %)"

    def _ends(self) -> tuple[float, float]:
        if not self.n:
            return 0.0, 1.0
        p, z2n = self.hits / self.n, _Z * _Z / self.n
        middle, half = p + z2n / 2, math.sqrt(z2n * (p * (1 - p) + z2n / 4))
        low, high = (middle - half) / (1 + z2n), (middle + half) / (1 + z2n)
        return max(0.0, min(low, p)), min(1.0, max(high, p))  # rounding must not put the share outside
