"""One row an order: what is known by line or by discount becomes one value, the one farthest from usual."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np

from features.batch import F64, I64, Batch


def order_rows(batch: Batch, features: Sequence[str]) -> F64:
    """One row an order placed, one column a feature.

    Of the values of an order's lines, or of its discounts, the largest distance from 0 counts. A feature of later
    events has no value when an order is placed: NaN.
    """
    x = np.full((len(batch.created), len(features)), np.nan)
    for j, name in enumerate(features):
        column = batch.columns[name]
        if column.level == "created":
            x[:, j] = column.values
        elif column.level == "line":
            _put_farthest(batch.lines.order, column.values, x[:, j])
        elif column.level == "discount":
            _put_farthest(batch.discounts.order, column.values, x[:, j])
    return x


@numba.njit(cache=True)
def _put_farthest(order: I64, values: F64, out: F64) -> None:
    for i in range(len(order)):
        distance = abs(values[i])
        if distance >= out[order[i]] or np.isnan(out[order[i]]):
            out[order[i]] = distance
