"""scikit-learn's Isolation Forest over the orders of the last week (20,000 at most), fitted anew every night."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np

from stream.evaluation.order_table import OrderTable, order_table
from stream.evaluation.tell import teller_of
from stream.evaluation.trial import DAY_MS, Trial
from stream.evaluation.watcher import ANY_FAMILY
from stream.evaluation.watchers._quantile import QuantileWatcher

_MEMORY_DAYS: Final = 7
_SEED: Final = 42
_LEAST_ROWS, _MOST_ROWS = 50, 20_000


class IsolationForest(QuantileWatcher):
    """An order is odd if it is easier to isolate than the share `threshold` of the week it was fitted on."""

    title: ClassVar[str] = "IsolationForest, nightly"

    def watch(self, trial: Trial) -> Sequence[dict[str, Any]]:
        """Tell of each odd order, as soon as it is placed."""
        table, teller = order_table(trial), teller_of(trial)
        for begins_ms in range(trial.reports_from_ms, trial.ends_ms, DAY_MS):
            for i in self._odd(table, begins_ms):
                order = table.order_id[i]
                teller.tell(f"{ANY_FAMILY}.isolated", "order", order, int(table.time_ms[i]), [order])
        return teller.alerts

    def _odd(self, table: OrderTable, begins_ms: int) -> list[int]:
        """Rows of the day that are odd, by the forest of the night before it."""
        from sklearn.ensemble import IsolationForest as Forest

        week = (table.time_ms >= begins_ms - _MEMORY_DAYS * DAY_MS) & (table.time_ms < begins_ms)
        memory = np.flatnonzero(week)[-_MOST_ROWS:]
        today = np.flatnonzero((table.time_ms >= begins_ms) & (table.time_ms < begins_ms + DAY_MS))
        if len(memory) < _LEAST_ROWS or not len(today):
            return []
        forest = Forest(random_state=_SEED).fit(table.x[memory])
        limit = np.quantile(-forest.score_samples(table.x[memory]), self._quantile)
        odd: list[int] = today[-forest.score_samples(table.x[today]) > limit].tolist()
        return odd
