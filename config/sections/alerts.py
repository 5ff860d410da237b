"""From verdicts to alerts: which are told, how many a day, and how analysts' answers change that."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from config.sections.section import Family, Name, PerDay, Score, Seconds, Section, Wait


class JudgeSettings(Section):
    """From which calibrated score a verdict is an alert."""

    alert_score: Score
    family_alert_score: dict[Family, Score]

    def alert_score_of(self, family: Family) -> float:
        """Score from which a verdict of `family` (`price`, `volume`, …) is an alert."""
        return self.family_alert_score.get(family, self.alert_score)


class AlertSettings(Section):
    """How verdicts become few alerts."""

    policy_file: Path | None
    budget_per_day: PerDay
    family_budget_per_day: dict[Family, PerDay]
    cooldown_seconds: Seconds
    resolve_after_seconds: Seconds
    max_order_ids: Annotated[int, Field(ge=0, le=20)]

    def budget_per_day_of(self, family: Family) -> int:
        """Most alerts of `family` (`price`, `volume`, …) that fire within any 24 hours."""
        return self.family_budget_per_day.get(family, self.budget_per_day)


class FeedbackSettings(Section):
    """Analysts' verdicts on alerts: what follows of them online, and when silence is a label."""

    on: bool
    topic: Name
    step_decades: Annotated[float, Field(ge=0, le=4, allow_inf_nan=False)]
    max_decades: Annotated[float, Field(ge=0, le=8, allow_inf_nan=False)]
    keep_seconds: Seconds
    suppress_seconds: Seconds
    loss_limit: Wait
    maturity_seconds: Wait
