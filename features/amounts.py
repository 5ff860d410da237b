"""Arithmetic on columns of amounts: shares, margins, units."""

from __future__ import annotations

import math

import numba
import numpy as np

from features.batch import F64, I64
from features.money import NOT_GIVEN


@numba.njit(cache=True)
def shares(part: I64, whole: I64) -> F64:
    """part / whole; NaN where the whole is not above 0.

    >>> shares(np.array([1, 1]), np.array([4, 0])).tolist()
    [0.25, nan]
    """
    share = np.empty(len(part))
    for i in range(len(part)):
        share[i] = part[i] / whole[i] if whole[i] > 0 else math.nan
    return share


@numba.njit(cache=True)
def in_e4(minor: I64, exponent: I64) -> I64:
    """Minor units of currencies with so many decimals -> ten thousandths of a unit.

    >>> in_e4(np.array([19900, 199]), np.array([2, 0])).tolist()
    [1990000, 1990000]
    """
    amounts = np.empty(len(minor), np.int64)
    for i in range(len(minor)):
        amounts[i] = minor[i] * 10 ** (4 - exponent[i])
    return amounts


@numba.njit(cache=True)
def order_margins(goods: I64, discount: I64, cost: I64) -> F64:
    """(goods - discount - cost) / (goods - discount); NaN where the cost is not given or nothing is left."""
    margin = np.empty(len(goods))
    for i in range(len(goods)):
        sales = goods[i] - discount[i]
        is_known = cost[i] != NOT_GIVEN and sales > 0
        margin[i] = (sales - cost[i]) / sales if is_known else math.nan
    return margin


@numba.njit(cache=True)
def line_margins(order: I64, price: I64, cost: I64, goods: I64, discount: I64) -> F64:
    """Margin of each line after its part of the order's discounts, as a share of its sales, at least -1.

    `goods` and `discount` are those of the orders, `order` is each line's row there. NaN where the cost is not given
    or the line brings nothing.
    """
    margin = np.empty(len(order))
    for i in range(len(order)):
        worth, off = goods[order[i]], discount[order[i]]
        sales = price[i] * ((worth - off) / worth) if worth > 0 else 0.0
        is_known = cost[i] != NOT_GIVEN and sales > 0
        margin[i] = max((sales - cost[i]) / sales, -1.0) if is_known else math.nan
    return margin


@numba.njit(cache=True)
def lines_below(order: I64, price: I64, cost: I64, goods: I64, discount: I64, margin: float) -> I64:
    """Lines that bring less than cost x (1 + margin), after their part of the order's discounts; no cost: none."""
    rows, n = np.empty(len(order), np.int64), 0
    for i in range(len(order)):
        worth = goods[order[i]]
        left = (worth - discount[order[i]]) / worth if worth > 0 else 1.0
        if price[i] * left < cost[i] * (1.0 + margin):
            rows[n] = i
            n += 1
    return rows[:n]
