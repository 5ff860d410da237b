"""What a challenger has shown so far, and whether that is what the team's policy asks for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from config.settings import Settings
    from stream.model_registry.comparison import Comparison, Labelled
    from stream.model_registry.registry import Registry


def comparison(
    models: Registry, name: str, version: int, settings: Settings, features: Path | None
) -> Comparison | None:
    """The version beside the champion of now, in all its shadow runs; None where there was none.

    `features` : where the feature log is archived; with it, what analysts' verdicts say of both.
    """
    from stream.control_topic import reports
    from stream.model_registry.comparison import compared

    champion, challenger = f"{name}@{models.standing(name).champion}", f"{name}@{version}"
    found = compared(reports(settings.kafka), champion, challenger)
    if found is None or features is None:
        return found
    known = _labelled(settings, features, models.manifest(name, version).part, champion, challenger)
    return msgspec.structs.replace(found, labelled=known[:2], labels=known[2]) if known else found


def _labelled(
    settings: Settings, features: Path, detector: str, champion: str, challenger: str
) -> tuple[Labelled, Labelled, int] | None:
    """What analysts' verdicts say of both, of the orders that both scored."""
    from features.history import history
    from stream.cli.ending import UnusableFile
    from stream.feedback.labels import beside, labelled
    from stream.feedback.read import feedback_of
    from stream.scored_rows import RAW, SCORE

    if not features.is_dir():
        raise UnusableFile(f"{features}: is no folder of feature rows")
    scores = (f"{SCORE}{detector}", f"{SCORE}{challenger}", f"{RAW}{challenger}")
    columns = ["order_id", "time", "versions", *scores]
    rows = history("2000-01-01", "2100-01-01", path=features, columns=columns, frame="arrow")
    if not rows.num_rows:
        return None
    said, now_ms = feedback_of(settings), time.time_ns() // 1_000_000
    return beside(
        labelled(rows, said, as_of_ms=now_ms, maturity_seconds=settings.feedback.maturity_seconds),
        detector,
        champion,
        challenger,
    )


def require(
    models: Registry, name: str, version: int, settings: Settings, override: Sequence[str], features: Path | None
) -> list[str]:
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
    missing = unmet(policy, comparison(models, name, version, settings, features))
    check_policy(f"{name}@{version}", missing, override)
    return [name for name in missing if name in override]


def noted(note: str, overridden: Iterable[str]) -> str:
    """The note of a promotion, with what was overridden."""
    names = ", ".join(overridden)
    return f"{note} [overridden: {names}]".strip() if names else note
