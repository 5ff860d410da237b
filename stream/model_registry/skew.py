"""Whether a model may judge here: trained on the features that serve, with the libraries that are installed."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from config.registry import build, discover
from config.sections import PartSettings
from config.settings import Settings
from features.feature import Feature
from features.fingerprint import COLUMNS, fingerprint
from models.package import ModelRefused
from stream.model_registry.manifest import Manifest

_NOTED: Final = ("orderwatch", "numpy", "numba", "river", "scikit-learn", "scipy", "skops")
_BOUND: Final[Mapping[str, tuple[str, ...]]] = {
    "river_detector": ("river",),
    "sklearn_detector": ("scikit-learn",),
}
"""Part -> libraries whose models mean the same only within one minor version, by their own word."""


def libraries() -> dict[str, str]:
    """Versions of Python and of all that a model's scores may hang on, as installed here."""
    return {"python": platform.python_version()} | {name: found for name in _NOTED if (found := _installed(name))}


def made_from(settings: Settings, features: Sequence[str]) -> dict[str, PartSettings]:
    """The features, and those that they are made from, with their settings.

    Raises ModelRefused for one that is not on.
    """
    found: dict[str, PartSettings] = {}
    waiting = list(features)
    on = {name: entry for name, entry in settings.features.items() if entry.on}
    parts = build(discover(COLUMNS, Feature), on, "feature")
    while waiting:
        name = waiting.pop()
        if name not in parts:
            raise ModelRefused(f"feature {name!r} is not on; on: {', '.join(on)}")
        if name not in found:
            found[name] = on[name]
            waiting += parts[name].reads
    return found


def feature_hash(settings: Settings, features: Sequence[str]) -> str:
    """Fingerprint of the code and the settings that make these features here."""
    return fingerprint(made_from(settings, features))


def feature_hashes(settings: Settings, features: Sequence[str]) -> dict[str, str]:
    """The fingerprint of each alone."""
    return {name: fingerprint({name: entry}) for name, entry in sorted(made_from(settings, features).items())}


def check_skew(manifest: Manifest, settings: Settings) -> None:
    """Raise ModelRefused, in one line, unless the model may judge here, or `models.accept_skew` names it."""
    accepted = {manifest.name, manifest.label} & set(settings.models.accept_skew)
    for reason in skew_of(manifest, settings) if not accepted else ():
        raise ModelRefused(
            f"{manifest.label}: {reason}; train it again, or name it in models.accept_skew to serve it all the same"
        )


def skew_of(manifest: Manifest, settings: Settings) -> tuple[str, ...]:
    """In what a model's training differs from what serves here, in words."""
    return tuple(filter(None, (_other_features(manifest, settings), _other_libraries(manifest))))


def _other_features(manifest: Manifest, settings: Settings) -> str:
    here = feature_hash(settings, manifest.features)
    if here == manifest.feature_hash:
        return ""
    there = manifest.feature_hashes
    differ = [name for name, found in feature_hashes(settings, manifest.features).items() if there.get(name) != found]
    which = f" ({', '.join(differ)})" if there and differ else ""
    return f"trained on features {manifest.feature_hash[:12] or 'unknown'}, served are {here[:12]}{which}"


def _other_libraries(manifest: Manifest) -> str:
    for name in _BOUND.get(manifest.part, ()):
        there, here = manifest.libraries.get(name, "unknown"), _installed(name)
        if there.split(".")[:2] != here.split(".")[:2]:
            return f"trained with {name} {there}, installed is {here or 'none'}"
    return ""


def _installed(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
