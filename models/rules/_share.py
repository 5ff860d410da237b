"""A share of an amount of money, in integers only: shares are held as parts in a million."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from features.batch import I64

MILLION: Final = 1_000_000


def per_million(share: float) -> int:
    """A share as settings write it -> parts in a million.

    >>> per_million(0.7)
    700000
    """
    return round(share * MILLION)


def share_of(amount: I64, parts_per_million: I64 | int) -> I64:
    """That share of each amount, rounded down; an amount is above the share exactly if it is above this.

    Whole millions and the rest are taken apart, so that no product leaves 64 bits.

    >>> import numpy as np
    >>> share_of(np.array([1000, 999, 10**15]), 700_000).tolist()
    [700, 699, 700000000000000]
    """
    whole = amount // MILLION
    share: I64 = whole * parts_per_million + (amount - whole * MILLION) * parts_per_million // MILLION
    return share
