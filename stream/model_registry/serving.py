"""The models that the settings ask for: found, checked, tried once, and given to each partition's detector."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from config.registry import build, discover
from config.sections import DetectorSettings
from config.settings import Settings
from models.calibration import Calibration
from models.detector import Detector
from models.package import OF_THE_HOST, ModelRefused, Package
from stream.model_registry.manifest import Manifest
from stream.model_registry.registry import Registry
from stream.model_registry.skew import check_skew, skew_of

_DETECTORS = "models.detectors"
_SEED: Final = 7
_TRIAL_ROWS: Final = 64


@dataclass(frozen=True, slots=True)
class Served:
    """A version that passed every check, ready to be given to each partition.

    `skew` : in what its training differs from what serves here, where `models.accept_skew` names it all the same.
    """

    manifest: Manifest
    package: Package
    detector: Detector
    calibration: Calibration
    skew: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """`name@version`, as alerts tell it."""
        return self.manifest.label

    def entry(self, asked: DetectorSettings) -> DetectorSettings:
        """The detector's settings with the parameters and the features that the model was trained with."""
        params = parameters(self.package, asked.params)
        return asked.model_copy(update={"params": params, "features": self.package.features})

    def fresh(self) -> tuple[Detector, Calibration]:
        """The detector that was proved and its calibration, for one partition alone to learn on."""
        return deepcopy((self.detector, self.calibration))


def served(settings: Settings) -> dict[str, Served]:
    """The model of each detector that is on and names one, by the detector's name.

    Raises ModelRefused, in one line, for a model that is not there, was changed, is another part's, was trained
    on other features or libraries, or does not score its proof as it did.
    """
    asked = {name: entry for name, entry in settings.detectors.items() if entry.on and entry.model}
    if not asked:
        return {}
    registry = registry_of(settings)
    return {name: served_by(registry, name, entry.model or "", settings) for name, entry in asked.items()}


def served_by(registry: Registry, name: str, model: str, settings: Settings) -> Served:
    """The model `name` or `name@version` for the detector of that name. Raises ModelRefused, as `served` does."""
    try:
        manifest, package = registry.load(model)
        _check_part(manifest, name)
        return check_servable(manifest, package, settings)
    except ModelRefused as refused:
        raise ModelRefused(f"detectors.{name}.model = {model!r}: {refused}") from None


def challengers_of(registry: Registry, name: str, most: int) -> list[str]:
    """The newest challengers of a model, `name@version`, that came after its champion."""
    standing = registry.standing(name)
    after = [version for version in registry.versions(name) if version > (standing.champion or 0)]
    newest = [version for version in after if standing.stage_of(version) == "challenger"][-most:] if most else []
    return [f"{name}@{version}" for version in newest]


def with_models(settings: Settings, models: Mapping[str, Served]) -> Settings:
    """The settings, where each model has brought its parameters and features."""
    if not models:
        return settings
    brought = {name: model.entry(settings.detectors[name]) for name, model in models.items()}
    return settings.model_copy(update={"detectors": {**settings.detectors, **brought}})


def registry_of(settings: Settings) -> Registry:
    """The registry that the settings name. Raises ModelRefused when they name none."""
    if settings.models.registry is None:
        raise ModelRefused("models.registry is not set: name the folder or the address (s3://…) of the registry")
    return Registry.open(settings.models.registry)


def check_servable(manifest: Manifest, package: Package, settings: Settings) -> Served:
    """Raise ModelRefused unless workers with these settings would serve it."""
    check_skew(manifest, settings)
    asked = settings.detectors.get(package.part)
    detector, calibration = (
        build_detector(package.part, parameters(package, asked.params if asked else {})),
        Calibration(),
    )
    package.bring_up(detector, calibration)
    package.prove(detector)
    _try(manifest, detector)
    return Served(manifest, package, detector, calibration, skew_of(manifest, settings))


def _try(manifest: Manifest, detector: Detector) -> None:
    """Raise ModelRefused unless the detector can score some rows, of which a few miss a value."""
    rows = np.random.default_rng(_SEED).normal(size=(_TRIAL_ROWS, len(manifest.features)))
    rows[:: _TRIAL_ROWS // 4, 0] = np.nan
    try:
        scores = detector.score(rows)
    except Exception as error:  # noqa: BLE001  # a detector is asked for scores, and may fail in any way of its own
        raise ModelRefused(f"{manifest.label} fails on a trial: {type(error).__name__}: {error}") from None
    if scores.shape != (_TRIAL_ROWS,) or np.isinf(scores).any():
        raise ModelRefused(
            f"{manifest.label} fails on a trial: {_TRIAL_ROWS} rows gave scores {scores.shape}, {scores}"
        )


def build_detector(part: str, params: Mapping[str, Any]) -> Detector:
    """A fresh detector. Raises ConfigRefused for a part that does not exist or a parameter that it does not take."""
    entry = DetectorSettings(on=True, params=dict(params))
    built: dict[str, Detector] = build(discover(_DETECTORS, Detector), {part: entry}, "detector")
    return built[part]


def parameters(package: Package, host: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a package; what its files may build is for the host alone to say."""
    brought = {name: value for name, value in package.params.items() if name not in OF_THE_HOST}
    return brought | ({"trusted": host["trusted"]} if "trusted" in host else {})


def _check_part(manifest: Manifest, name: str) -> None:
    if manifest.part != name:
        raise ModelRefused(f"{manifest.label} is a model of {manifest.part}")
