r"""How far the rows of a table have moved from those of another: feature by feature, score by score.

Three measures, each with the chance of seeing as much where nothing has moved. They answer different questions:
PSI sees the shape, and is the figure that risk teams know; KS sees the largest gap of two distributions, without
bins; the share of missing values is often the first to move when a sender changes.

A small p says that something moved, not that it matters: of a million rows everything has moved. Look at the measure
for its size (PSI: below 0.1 little, from 0.25 much, says Siddiqi), at p for whether it may be chance. p is for
independent rows; the orders of one hour resemble each other, so believe it only where it is very small.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

F64 = NDArray[np.float64]
BINS: Final = 10
_PRIOR: Final = 0.5
"""Rows that each bin is given beforehand (Jeffreys), so that an empty one has a logarithm."""
_TERMS: Final = 100
_CERTAIN: Final = 0.2
"""Below this lambda the series of Kolmogorov converges slowly, and is 1 to twelve digits."""


class TooFewRows(ValueError):
    """A table has no value of a column to compare."""


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """What became of one column from the table before to the table after.

    `missing` are shares of rows without a value, the measures are of the rows with one: NaN where either table has
    none. Each `…_p` is the chance of seeing as much where nothing has moved.
    """

    column: str
    rows_before: int
    rows_after: int
    missing_before: float
    missing_after: float
    missing_p: float
    median_before: float
    median_after: float
    psi: float
    psi_p: float
    ks: float
    ks_p: float


def drifts(before: Any, after: Any, columns: Sequence[str] | None = None) -> list[ColumnDrift]:
    """Compare two tables column by column, those that moved most (by PSI) first.

    Parameters
    ----------
    before, after
        Tables that speak Arrow, as `features.compute` and `features.history` give them; pandas and polars do, too.
    columns
        Those wanted; by default every column of floating-point numbers that both tables have, so scores, too.

    Raises KeyError for a column that a table does not have, TypeError for one that holds no numbers.

    >>> import pyarrow as pa
    >>> draw = np.random.default_rng(1)
    >>> week = pa.table({"margin": draw.normal(0.3, 0.1, 5_000), "basket_size": draw.normal(size=5_000)})
    >>> next_week = pa.table({"margin": draw.normal(0.2, 0.1, 5_000), "basket_size": draw.normal(size=5_000)})
    >>> [(one.column, one.psi > 0.25, one.psi_p < 1e-6) for one in drifts(week, next_week)]
    [('margin', True, True), ('basket_size', False, False)]
    """
    import pyarrow as pa

    one, other = pa.table(before), pa.table(after)
    names = _numbers(one, other) if columns is None else columns
    found = [column_drift(name, values_of(one, name), values_of(other, name)) for name in names]
    return sorted(found, key=lambda drift: (math.isnan(drift.psi), -drift.psi))


def column_drift(column: str, before: F64, after: F64) -> ColumnDrift:
    """Compare the values of one column; NaN is a missing value."""
    there, here = before[~np.isnan(before)], after[~np.isnan(after)]
    missing = (len(before) - len(there), len(after) - len(here))
    both = len(there) > 0 and len(here) > 0
    index = psi(there, here) if both else math.nan
    gap = ks(there, here) if both else math.nan
    return ColumnDrift(
        column=column,
        rows_before=len(before),
        rows_after=len(after),
        missing_before=_share(missing[0], len(before)),
        missing_after=_share(missing[1], len(after)),
        missing_p=share_p(missing[0], len(before), missing[1], len(after)),
        median_before=float(np.median(there)) if both else math.nan,
        median_after=float(np.median(here)) if both else math.nan,
        psi=index,
        psi_p=psi_p(index, len(there), len(here), len(edges(there)) + 1) if both else math.nan,
        ks=gap,
        ks_p=ks_p(gap, len(there), len(here)) if both else math.nan,
    )


def edges(before: F64, bins: int = BINS) -> F64:
    """The cuts between bins that each hold as many rows of `before`; fewer where a value is that frequent.

    >>> edges(np.array([0.0, 0.0, 0.0, 1.0]), bins=2)
    array([0.])
    """
    cuts: F64 = np.unique(np.quantile(before, np.arange(1, bins) / bins, method="lower"))
    within: F64 = cuts[cuts < before.max()]
    return within


def psi(before: F64, after: F64, bins: int = BINS) -> float:
    r"""Population stability index: how differently two sets of values fall into the bins of the first.

        PSI = sum over bins (a - b) ln(a / b),      b, a: shares of the rows before and after in the bin

    It is Jeffreys' divergence of the binned distributions: 0 where they are equal, never less, without a bound. The
    bins hold equal shares of the rows before; each is given half a row of either side, so that none is empty. A bin
    reaches up to its edge and holds it.

    `before` and `after` hold no NaN, and at least one value each, else TooFewRows is raised.

    Sources: Jeffreys, An invariant form for the prior probability in estimation problems, Proc. R. Soc. A 186
    (1946); Siddiqi, Credit Risk Scorecards (2006).

    >>> values = np.arange(100.0)
    >>> psi(values, values), round(psi(values, values + 50), 2)
    (0.0, 2.28)
    """
    _check(before, after)
    cuts = edges(before, bins)
    b, a = _shares(before, cuts), _shares(after, cuts)
    return max(0.0, float(np.sum((a - b) * np.log(a / b))))


def psi_p(index: float, n_before: int, n_after: int, bins: int) -> float:
    """Chance of a PSI as large, of so many rows, where nothing has moved.

        PSI / (1 / n_before + 1 / n_after)  ~  chi-squared with bins - 1 degrees of freedom

    For some tens of rows a bin. 1 where there is one bin: then nothing can move.

    Source: Yurdakul, Statistical properties of population stability index, thesis, Western Michigan University
    (2018).

    >>> psi_p(0.0, 100, 100, 10), round(psi_p(0.05, 1_000, 1_000, 10), 4)
    (1.0, 0.003)
    """
    from scipy.stats import chi2  # it takes a second, and few commands compare anything

    if bins == 1:
        return 1.0
    return float(chi2.sf(index / (1.0 / n_before + 1.0 / n_after), bins - 1))


def ks(before: F64, after: F64) -> float:
    """Two-sample Kolmogorov-Smirnov statistic: the largest gap between the two distribution functions, in [0, 1].

        D = max over x |F_before(x) - F_after(x)|

    `before` and `after` hold no NaN, and at least one value each, else TooFewRows is raised.

    Source: Smirnov, Table for estimating the goodness of fit of empirical distributions, Ann. Math. Stat. 19 (1948).

    >>> ks(np.array([1.0, 2.0]), np.array([1.0, 2.0])), ks(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    (0.0, 0.5)
    """
    _check(before, after)
    x = np.concatenate([before, after])
    there, here = (np.searchsorted(np.sort(values), x, side="right") / len(values) for values in (before, after))
    return float(np.max(np.abs(there - here)))


def ks_p(statistic: float, n_before: int, n_after: int) -> float:
    """Chance of a gap as large, of so many rows, where nothing has moved; asymptotic, so for some tens of rows.

        p = 2 sum over j >= 1 of (-1)^(j - 1) exp(-2 j^2 l^2),      l = D sqrt(n m / (n + m))

    It is exact in the limit for continuous values, and too large where many are equal.

    Source: Smirnov (1948), as for `ks`.

    >>> ks_p(0.0, 100, 100), round(ks_p(0.2, 100, 100), 4)
    (1.0, 0.0366)
    """
    scaled = statistic * math.sqrt(n_before * n_after / (n_before + n_after))
    if scaled < _CERTAIN:
        return 1.0
    j = np.arange(1, _TERMS + 1)
    terms = 2.0 * (-1.0) ** (j - 1) * np.exp(-2.0 * (j * scaled) ** 2)
    return min(1.0, max(0.0, float(terms.sum())))


def share_p(hits_before: int, n_before: int, hits_after: int, n_after: int) -> float:
    """Chance of shares as different where both have the same true one; two-sided, normal approximation.

        z = (p_after - p_before) / sqrt(p (1 - p) (1 / n_before + 1 / n_after)),     p: share of both together

    1 where neither or both are whole, or where there are no rows.

    Source: Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions (2003), ch. 3.

    >>> share_p(0, 100, 0, 100), round(share_p(10, 100, 20, 100), 4)
    (1.0, 0.0477)
    """
    if not n_before or not n_after:
        return 1.0
    p = (hits_before + hits_after) / (n_before + n_after)
    spread = math.sqrt(p * (1.0 - p) * (1.0 / n_before + 1.0 / n_after))
    if not spread:
        return 1.0
    return math.erfc(abs(hits_after / n_after - hits_before / n_before) / spread / math.sqrt(2.0))


def values_of(table: pa.Table, column: str) -> F64:
    """A column as numbers, NaN for what is missing. Raises KeyError, TypeError."""
    import pyarrow as pa

    if column not in table.schema.names:
        raise KeyError(f"{column!r} is no column; there are {', '.join(table.schema.names)}")
    kind = table.schema.field(column).type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise TypeError(f"column {column!r} holds {kind}, and drift is of numbers")
    values: F64 = table[column].cast(pa.float64()).to_numpy()
    return values


def _numbers(before: pa.Table, after: pa.Table) -> list[str]:
    import pyarrow as pa

    common = set(after.schema.names)
    return [field.name for field in before.schema if field.name in common and pa.types.is_floating(field.type)]


def _shares(values: F64, cuts: F64) -> F64:
    counts = np.bincount(np.searchsorted(cuts, values, side="left"), minlength=len(cuts) + 1) + _PRIOR
    shares: F64 = counts / counts.sum()
    return shares


def _share(hits: int, n: int) -> float:
    return hits / n if n else math.nan


def _check(*samples: Iterable[float]) -> None:
    for values in samples:
        if not len(values):  # type: ignore[arg-type]  # an array has a length
            raise TooFewRows("there is no value to compare; a table has none in this column")
