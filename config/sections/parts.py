"""Features, rules and detectors: the same few words for each of them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from config.sections.section import Section, Weight


class PartSettings(Section):
    """One part: whether it runs, and the parameters that its own class checks."""

    on: bool
    params: dict[str, Any] = Field(default_factory=dict)


class WeightedPartSettings(PartSettings):
    """A rule or a detector: also how much its word counts in the verdict."""

    weight: Weight = 1.0


class DetectorSettings(WeightedPartSettings):
    """A detector: also the features that a multivariate one reads, one column each.

    `model` : `name` or `name@version` in the registry, which then brings parameters and features.
    """

    features: tuple[str, ...] = ()
    model: str | None = None
