"""The settings: five layers merged into one frozen object, and one line for whatever is wrong.

Later wins: default.yaml, the files of $ORDERWATCH_CONFIG, files given, ORDERWATCH_SECTION__KEY, arguments.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from config.document import read_document
from config.errors import ConfigRefused, explain, first_problem, unknown
from config.sections import (
    AlertSettings,
    CheckpointSettings,
    DecodeSettings,
    DetectorSettings,
    DriftSettings,
    FeatureLogSettings,
    FeedbackSettings,
    JudgeSettings,
    KafkaSettings,
    LogSettings,
    ModelSettings,
    Name,
    PartSettings,
    PromotionSettings,
    RedisSettings,
    ShuffleSettings,
    StageSettings,
    StateSettings,
    TimeSettings,
    WebSettings,
    WeightedPartSettings,
)

DEFAULT_FILE = Path(__file__).with_name("default.yaml")
PREFIX = "ORDERWATCH_"
FILES_VARIABLE = "ORDERWATCH_CONFIG"
_ENVIRONMENT = "environment"
_PARTS = ("features", "rules", "detectors")
_OTHER_VARIABLES = {FILES_VARIABLE, "ORDERWATCH_DATA"}  # ours too, but no setting


class Settings(BaseSettings):
    """Everything that can be set. Made by `load`, once; each object is given its own section."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid", validate_default=False
    )

    instance: Name
    kafka: KafkaSettings
    redis: RedisSettings
    decode: DecodeSettings
    time: TimeSettings
    state: StateSettings
    stages: StageSettings
    features: dict[str, PartSettings]
    rules: dict[str, WeightedPartSettings]
    detectors: dict[str, DetectorSettings]
    judge: JudgeSettings
    alerts: AlertSettings
    promotions: PromotionSettings
    checkpoint: CheckpointSettings
    shuffle: ShuffleSettings
    feature_log: FeatureLogSettings
    feedback: FeedbackSettings
    drift: DriftSettings
    models: ModelSettings
    web: WebSettings
    log: LogSettings

    @model_validator(mode="after")
    def _who_shares_keeps_state(self) -> Self:
        if self.shuffle.on and not self.checkpoint.on:
            raise ValueError("shuffle.on: true needs checkpoint.on: true, as partitions change hands")
        if self.shuffle.on and self.feature_log.on:
            raise ValueError("shuffle.on: true has no feature log yet: set feature_log.on: false")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # pydantic-settings names its arguments
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load` hands over: it has merged the layers and knows where each value came from."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class _Layer:
    origin: str
    values: Mapping[str, Any]


def load(*overlays: Path, **overrides: Any) -> Settings:
    """Merge the layers and check the result.

    `overlays` are YAML files over the default ones, later over earlier; `overrides` are sections by name,
    as mappings (`load(kafka={"brokers": "10.0.0.5:9092"})`), and win over everything. Mappings merge key by
    key. Raises ConfigRefused, in one line, for what is unknown, missing, impossible, or a secret in a file.
    """
    layers = [*_files(overlays), _environment(), _Layer("argument", overrides)]
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = merge(merged, layer.values)
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise ConfigRefused(f"{_origin(error, layers)}: {explain(error, Settings)}") from None


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `upper` over `lower`, key by key; a section that `upper` names but leaves empty says nothing.

    >>> merge({"a": {"x": 1, "y": 2}, "b": {"z": 3}}, {"a": {"y": 5}, "b": None})
    {'a': {'x': 1, 'y': 5}, 'b': {'z': 3}}
    """
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping | None):
            merged[key] = merge(below, value or {})
        else:
            merged[key] = value
    return merged


def _files(overlays: tuple[Path, ...]) -> list[_Layer]:
    named = [Path(name) for name in os.environ.get(FILES_VARIABLE, "").split(os.pathsep) if name]
    layers = [_Layer(str(path), read_document(path)) for path in (DEFAULT_FILE, *named, *overlays)]
    for layer in layers:
        _refuse_secrets(layer)
    return layers


def _refuse_secrets(layer: _Layer) -> None:
    for section, field in Settings.model_fields.items():
        values = layer.values.get(section)
        for key, inner in getattr(field.annotation, "model_fields", {}).items():
            if inner.annotation == SecretStr | None and isinstance(values, Mapping) and values.get(key):
                raise ConfigRefused(
                    f"{layer.origin}: {section}.{key} is a secret and may stand in no file: "
                    f"set {_variable(section, key)} in the environment"
                )


def _environment() -> _Layer:
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name.upper() not in _OTHER_VARIABLES:
            section = name.upper().removeprefix(PREFIX).split("__")[0].lower()
            if section not in Settings.model_fields:
                raise ConfigRefused(f"environment {name}: {unknown('section', section, Settings.model_fields)}")
    try:
        values = EnvSettingsSource(Settings)()
    except SettingsError as error:
        section = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "kafka")
        raise ConfigRefused(
            f"environment {_variable(section)}…: a whole mapping must be JSON; "
            f"or set single keys, as in {_variable('kafka', 'group')}=name"
        ) from None
    for kind in _PARTS:
        for part in values.get(kind, {}).values():
            _read_parameters(part)
    return _Layer(_ENVIRONMENT, values)


def _read_parameters(part: Any) -> None:
    """Read a part's parameters as YAML would: what they should be, only the part's own class knows."""
    params = part.get("params") if isinstance(part, dict) else None
    if isinstance(params, dict):
        part["params"] = {
            key: yaml.safe_load(value) if isinstance(value, str) else value for key, value in params.items()
        }


def _variable(*path: int | str) -> str:
    return PREFIX + "__".join(map(str, path)).upper()


def _origin(error: ValidationError, layers: list[_Layer]) -> str:
    """Say who had the last word on the first problem: a file, an environment variable, an argument."""
    path = first_problem(error)["loc"]
    for length in range(len(path), 0, -1):
        for layer in reversed(layers):
            if _holds(layer.values, path[:length]):
                variable = f" {_variable(*path[:length])}" if layer.origin == _ENVIRONMENT else ""
                return layer.origin + variable
    return layers[0].origin


def _holds(values: Any, path: tuple[int | str, ...]) -> bool:
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return False
        values = values[key]
    return True
