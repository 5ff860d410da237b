"""What became of changed models, in Prometheus's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry, Metric

    from stream.engine.control import Serving


class ControlMetrics:
    """Counts swaps and refusals; says which model each detector serves."""

    def __init__(self, registry: CollectorRegistry, judge: Serving) -> None:
        self._judge = judge
        self._reloads = Counter(
            "orderwatch_model_reloads",
            "Changed models, by what became of them: applied, or refused while the last good one stays.",
            ["detector", "outcome"],
            registry=registry,
        )
        for detector in judge.models:
            for outcome in ("applied", "refused"):
                self._reloads.labels(detector, outcome)
        registry.register(self)

    def applied(self, detector: str) -> None:
        """A model serves."""
        self._reloads.labels(detector, "applied").inc()

    def refused(self, detector: str) -> None:
        """A model was refused."""
        self._reloads.labels(detector, "refused").inc()

    def collect(self) -> Iterator[Metric]:
        """Give what is served now."""
        family = GaugeMetricFamily(
            "orderwatch_model_info", "1 for the model that a detector serves.", labels=["detector", "model"]
        )
        for detector, model in self._judge.models.items():
            family.add_metric([detector, model], 1)
        yield family
