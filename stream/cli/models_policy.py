"""What a challenger has shown so far, and whether that is what the team's policy asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.settings import Settings
    from stream.model_registry.comparison import Comparison
    from stream.model_registry.registry import Registry


def comparison(models: Registry, name: str, version: int, settings: Settings) -> Comparison | None:
    """The version beside the champion of now, in all its shadow runs; None where there was none."""
    from stream.control_topic import reports
    from stream.model_registry.comparison import compared

    champion = models.standing(name).champion
    return compared(reports(settings.kafka), f"{name}@{champion}", f"{name}@{version}")


def require(models: Registry, name: str, version: int, settings: Settings, override: Sequence[str]) -> list[str]:
    """Refuse a promotion that the policy does not allow; returns the demands that were overridden and not met.

    The first champion has nothing to be compared with, and nothing is asked of it. Raises ModelRefused, TopicError.
    """
    from config.errors import unknown
    from models.package import ModelRefused
    from stream.model_registry.comparison import check_policy, unmet

    policy = settings.models.promotion
    known = list(type(policy).model_fields)
    for one in override:
        if one not in known:
            raise ModelRefused(f"--override {one}: {unknown('demand', one, known)}")
    if not any(limit is not None for _, limit in policy) or models.standing(name).champion is None:
        return []
    missing = unmet(policy, comparison(models, name, version, settings))
    check_policy(f"{name}@{version}", missing, override)
    return [name for name in missing if name in override]


def noted(note: str, overridden: Iterable[str]) -> str:
    """The note of a promotion, with what was overridden."""
    names = ", ".join(overridden)
    return f"{note} [overridden: {names}]".strip() if names else note
