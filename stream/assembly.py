"""Builds the judging parts from the settings: what is on, with its parameters and its weight."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from config.calendar import Calendar
from config.errors import ConfigRefused
from config.promotions import PromotionRegister
from config.registry import build, discover
from config.settings import Settings
from features.feature import Feature
from features.keys import Keys
from features.partition import Partition
from models.across import Across
from models.calibration import Calibration
from models.counterfactual import Counterfactuals
from models.crossing import Crossing
from models.detector import Detector
from models.drift_count import DriftCount
from models.drift_series import DriftSeries
from models.explainer import Explainer
from models.judge import Judge
from models.outlier import Outlier
from models.reuse import Reuse
from models.rewound_watch import RewoundWatch
from models.rule import Rule
from models.stock_ledger import StockLedger
from models.verdict import family_of
from models.volume_count import VolumeCount
from models.volume_seasonal import SeasonalVolume
from models.volume_series import VolumeSeries
from models.volume_sparse import SparseVolume
from models.volumes.stock_against_sales import StockAgainstSales
from models.watch import OrderWatch, OutlierWatch, Watch
from stream.model_registry.serving import served, with_models

PACKAGES: Final[Mapping[str, tuple[tuple[str, Any], ...]]] = {
    "feature": (("features.columns", Feature),),
    "rule": (("models.rules", Rule), ("models.crossings", Crossing), ("models.reuses", Reuse)),
    "detector": (
        ("models.outliers", Outlier),
        ("models.volumes", VolumeSeries),
        ("models.drifts", DriftSeries),
        ("models.detectors", Detector),
    ),
}
"""Section of the settings, in the singular -> the packages its parts live in, and what they must be."""


_ODD: Final = "Orders that are odd in several ways at once"
"""What a person reads of a detector of many features, however it works."""


def parts_of(what: str) -> dict[str, type[Any]]:
    """Every part of a section by name; `what` is feature, rule or detector."""
    return {name: part for package, base in PACKAGES[what] for name, part in discover(package, base).items()}


def title(part: type[Any]) -> str:
    """First line of a part's description."""
    return (inspect.getdoc(part) or part.__name__).partition("\n")[0]


class Assembly:
    """All that the settings turn on.

    Raises `ConfigRefused`, in one line, for a part that does not exist, a parameter that it does not take, or a
    detector that reads a feature that is off.
    """

    def __init__(self, settings: Settings, promotions: PromotionRegister) -> None:
        """Check the parts by building them once."""
        self._models = served(settings)
        self._settings = settings = with_models(settings, self._models)
        self._promotions = promotions
        file, timezone = settings.time.calendar_file, settings.time.business_timezone
        self._calendar = Calendar(()) if file is None else Calendar.load(file, timezone)
        for name, feature in self._build("feature", settings.features).items():
            self._check_is_on(f"features.{name}", feature.reads)
        for name, rule in self._pick("rule", settings.rules, Rule).items():
            self._check_is_on(f"rules.{name}", rule.reads)
        for name, part in self._build("detector", settings.detectors).items():
            self._check_is_on(f"detectors.{name}", self._features_of(name, part))

    @cached_property
    def titles(self) -> dict[str, str]:
        """What each part says of itself."""
        parts = {**parts_of("rule"), **parts_of("detector")}
        return {name: _ODD if issubclass(part, Detector) else title(part) for name, part in parts.items()}

    @property
    def versions(self) -> dict[str, str]:
        """`name@version` of the model that each detector from the registry serves."""
        return {name: model.version for name, model in self._models.items()}

    @property
    def skew(self) -> dict[str, int]:
        """In how many ways the training of each detector's model differs from what serves here."""
        return {name: len(model.skew) for name, model in self._models.items()}

    def partition(self) -> Partition:
        """The features of one partition."""
        features: dict[str, Feature] = self._build("feature", self._settings.features)
        return Partition(self._settings, dict(sorted(features.items(), key=lambda item: len(item[1].reads))))

    def judge(self, number: int, spaces: Mapping[str, Keys]) -> Judge:
        """The rules and detectors of one partition."""
        rules = self._pick("rule", self._settings.rules, Rule)
        for rule in rules.values():
            rule.bind(self._promotions, spaces)
        weights = {name: self._settings.rules[name].weight for name in rules}
        parts = self._build("detector", self._settings.detectors)
        watches = [
            self._watch(name, part, spaces) for name, part in parts.items() if isinstance(part, Outlier | Detector)
        ]
        for watch in watches:
            watch.version = self.versions.get(watch.name, "")
        return Judge(number, rules, weights, watches, spaces)

    def explainer(self, judge: Judge, spaces: Mapping[str, Keys]) -> Explainer:
        """What explains the verdicts of a partition's judge."""
        rules = self._pick("rule", self._settings.rules, Rule)
        for rule in rules.values():
            rule.bind(self._promotions, spaces)
        outliers = self._pick("detector", self._settings.detectors, Outlier)
        for outlier in outliers.values():
            outlier.bind(spaces)
        quiet_ms = int(self._settings.alerts.cooldown_seconds * 1000)
        return Explainer(Counterfactuals(rules, outliers), judge.watches, spaces["channel"], quiet_ms)

    def across(self, partitions: int) -> Across:
        """What is judged where the partitions meet."""
        series = self._pick("detector", self._settings.detectors, VolumeSeries)
        crossings = self._pick("rule", self._settings.rules, Crossing)
        volumes = {name: self._volume(rank, name, part) for rank, (name, part) in enumerate(series.items())}
        drifts = {
            name: DriftCount(name, self._settings.detectors[name].weight, part, self._features_of(name, part))
            for name, part in self._pick("detector", self._settings.detectors, DriftSeries).items()
        }
        return Across(
            self._settings,
            partitions,
            volumes,  # type: ignore[arg-type]  # a ledger counts, closes and remembers as a series does
            drifts,
            list(crossings.values()),
            self._pick("rule", self._settings.rules, Reuse),
        )

    def _build(self, what: str, section: Mapping[str, Any]) -> dict[str, Any]:
        return build(parts_of(what), section, what)

    def _pick(self, what: str, section: Mapping[str, Any], base: type[Any]) -> dict[str, Any]:
        return {name: part for name, part in self._build(what, section).items() if isinstance(part, base)}

    def _features_of(self, name: str, part: object) -> tuple[str, ...]:
        if isinstance(part, Outlier):
            return (part.feature,)
        features = self._settings.detectors[name].features
        if isinstance(part, Detector | DriftSeries) and not features:
            raise ConfigRefused(f"detectors.{name}.features is empty: name the features that it is to look at")
        return features

    def _check_is_on(self, reader: str, features: tuple[str, ...]) -> None:
        on = [name for name, entry in self._settings.features.items() if entry.on]
        for feature in features:
            if feature not in on:
                raise ConfigRefused(f"{reader} reads feature {feature!r}, which is not on; on: {', '.join(on)}")

    def _watch(self, name: str, part: Outlier | Detector, spaces: Mapping[str, Keys]) -> Watch:
        entry = self._settings.detectors[name]
        kind = part.kind if isinstance(part, Outlier) else OrderWatch.kind
        alert_score = self._settings.judge.alert_score_of(family_of(kind))  # type: ignore[arg-type]  # a kind's family is one
        if isinstance(part, Outlier):
            part.bind(spaces)
            return OutlierWatch(name, entry.weight, alert_score, Calibration(), part)
        model = self._models.get(name)
        detector, calibration = model.fresh() if model else (part, Calibration())
        return RewoundWatch(name, entry.weight, alert_score, calibration, detector, entry.features)

    def _volume(self, rank: int, name: str, series: VolumeSeries) -> VolumeCount | StockLedger:
        time, entry = self._settings.time, self._settings.detectors[name]
        if isinstance(series, StockAgainstSales):
            return StockLedger(rank, name, entry.weight, series, self._settings.state.max_products)
        keys = Keys(series.entity_type, self._capacity(series.entity_type))
        make = SeasonalVolume if series.is_seasonal else SparseVolume
        baseline = make(
            pane_seconds=time.pane_seconds, alert_p=series.alert_p, business_timezone=time.business_timezone
        )
        return VolumeCount(rank, name, entry.weight, series, baseline, keys, self._promotions, self._calendar)

    def _capacity(self, entity_type: str) -> int:
        state = self._settings.state
        bounds = {
            "product": state.max_products,
            "customer": state.max_customers,
            "seller": state.max_sellers,
            "promotion": state.max_promotions,
            "promotion_pair": state.max_promotions,
            "promotion_customer": state.max_customers,
        }
        return bounds.get(entity_type, state.max_routes)
