"""Trained models: what they learn from, where they are kept, which may serve, and when the data drifts from them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.sections.section import Count, Name, Score, Seconds, Section


class FeatureLogSettings(Section):
    """What a worker writes of the orders it has scored, for training."""

    on: bool
    topic: Name
    sample: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    every_seconds: Seconds
    archive: str | None


class DriftSettings(Section):
    """How `orderwatch drift` compares, and how much is a drift."""

    reference_rows: Count
    window_rows: Count
    min_psi: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    min_ks: Score
    min_missing: Score
    alert_p: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
    resolve_after_seconds: Seconds
    ignored: tuple[str, ...]


class PromotionPolicy(Section):
    """What a challenger's shadow run must show before it is promoted; None: it is not asked about."""

    min_orders: Annotated[int, Field(ge=0)] | None
    min_agreement: Score | None
    max_alert_rate_ratio: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    max_cost_ratio: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    min_labelled: Annotated[int, Field(ge=0)] | None
    max_precision_loss: Score | None
    max_recall_loss: Score | None


class ModelSettings(Section):
    """Where trained models are kept, which of them serve in spite of what they were trained on, and which may."""

    registry: str | None
    accept_skew: tuple[str, ...]
    shadow: Annotated[int, Field(ge=0, le=8)]
    promotion: PromotionPolicy
