"""PySAD's LODA, learning from every order; what counts as odd is a quantile of its own scores so far.

LODA is the quickest of PySAD's models that learn without end: xStream takes 25 times as long an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from stream.evaluation.order_table import order_table
from stream.evaluation.tell import teller_of
from stream.evaluation.trial import Trial
from stream.evaluation.watcher import ANY_FAMILY
from stream.evaluation.watchers._quantile import QuantileWatcher

_SEED = 42


class PysadLoda(QuantileWatcher):
    """PySAD's own defaults; `threshold` is the quantile."""

    title: ClassVar[str] = "PySAD LODA"
    package: ClassVar[str] = "pysad"

    def watch(self, trial: Trial) -> Sequence[dict[str, Any]]:
        """Tell of each odd order, as soon as it is placed."""
        from pysad.models import LODA
        from river.stats import Quantile

        np.random.seed(_SEED)  # noqa: NPY002  # PySAD draws from numpy's global generator
        model: Any = LODA()  # type: ignore[no-untyped-call]  # PySAD carries no types
        table, teller, usual = order_table(trial), teller_of(trial), Quantile(self._quantile)
        for i, row in enumerate(table.x):
            score = float(model.score_partial(row)) if i else 0.0
            model.fit_partial(row)
            limit = usual.get()
            usual.update(score)
            if limit is not None and score > limit and table.time_ms[i] >= trial.reports_from_ms:
                order = table.order_id[i]
                teller.tell(f"{ANY_FAMILY}.loda", "order", order, int(table.time_ms[i]), [order])
        return teller.alerts
