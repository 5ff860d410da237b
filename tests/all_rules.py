"""Every rule by its name, and one made with parameters of its own."""

from __future__ import annotations

from typing import Any

from config.registry import build, discover
from config.sections import WeightedPartSettings
from models.rule import Rule

RULES = discover("models.rules", Rule)


def rule(name: str, **params: Any) -> Rule:
    """The rule as the settings would make it."""
    return build(RULES, {name: WeightedPartSettings(on=True, params=params)})[name]
