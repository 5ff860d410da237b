"""What became of changed models, in Prometheus's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily

from stream.model_registry.comparison import compared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry, Metric

    from stream.engine.control import Serving

_SKEW: Final = "Ways in which a served model's training differs from what serves: features, libraries; 0 is none."
_SHADOW: Final = {
    "orders": "Orders that champion and challenger have scored side by side.",
    "champion_alerts": "Orders that the champion finds abnormal, of these.",
    "challenger_alerts": "Orders that the challenger finds abnormal, of these.",
    "agreement": "Share of the orders that either finds abnormal that both do.",
    "rank_correlation": "Spearman's correlation of their scores of the latest orders.",
    "champion_us": "Seconds of the champion for an order's score.",
    "challenger_us": "Seconds of the challenger for an order's score.",
}
_IN_SECONDS: Final = {"champion_us": "champion_seconds", "challenger_us": "challenger_seconds"}


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
        skew = GaugeMetricFamily("orderwatch_model_skew", _SKEW, labels=["detector", "model"])
        for detector, ways in self._judge.skew.items():
            skew.add_metric([detector, self._judge.models[detector]], ways)
        yield skew
        yield from self._of_shadows()

    def _of_shadows(self) -> Iterator[Metric]:
        labels = ["detector", "champion", "challenger"]
        families = {
            name: GaugeMetricFamily(f"orderwatch_shadow_{_IN_SECONDS.get(name, name)}", what, labels=labels)
            for name, what in _SHADOW.items()
        }
        for shadow in self._judge.shadows:
            report = shadow.report()
            found = compared([report], report.champion, report.challenger)
            for name, family in families.items() if found else ():
                value = getattr(found, name)
                if value is not None:
                    unit = 1e-6 if name in _IN_SECONDS else 1.0
                    family.add_metric([report.detector, report.champion, report.challenger], value * unit)
        yield from families.values()
