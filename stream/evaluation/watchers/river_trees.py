"""river's HalfSpaceTrees behind its QuantileFilter, learning from every order it does not flag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from stream.evaluation.order_table import order_table
from stream.evaluation.tell import teller_of
from stream.evaluation.trial import Trial
from stream.evaluation.watcher import ANY_FAMILY
from stream.evaluation.watchers._quantile import QuantileWatcher

_SEED: Final = 42


class RiverTrees(QuantileWatcher):
    """river's own defaults, on features scaled to [0, 1] as it asks for; `threshold` is the filter's quantile."""

    title: ClassVar[str] = "river HalfSpaceTrees"

    def watch(self, trial: Trial) -> Sequence[dict[str, Any]]:
        """Tell of each flagged order, as soon as it is placed."""
        from river.anomaly import HalfSpaceTrees, QuantileFilter
        from river.preprocessing import MinMaxScaler

        table, teller = order_table(trial), teller_of(trial)
        scaler: Any = MinMaxScaler()  # river's calls are untyped
        trees: Any = QuantileFilter(HalfSpaceTrees(seed=_SEED), q=self._quantile)
        for i, row in enumerate(table.x.tolist()):
            raw = dict(zip(table.names, row, strict=True))
            scaler.learn_one(raw)
            x = scaler.transform_one(raw)
            is_odd = trees.classify(trees.score_one(x))
            trees.learn_one(x)
            if is_odd and table.time_ms[i] >= trial.reports_from_ms:
                order = table.order_id[i]
                teller.tell(f"{ANY_FAMILY}.half_space", "order", order, int(table.time_ms[i]), [order])
        return teller.alerts
