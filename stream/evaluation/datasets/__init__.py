"""Public data sets in which faults are put: one file each, as `stream/importers` reads them."""

from __future__ import annotations

from config import registry
from stream.evaluation.dataset import DataSet


def known() -> dict[str, type[DataSet]]:
    """Every data set by its name.

    >>> sorted(known())
    ['complete_journey', 'olist', 'uci']
    """
    return registry.discover(__name__, DataSet)
