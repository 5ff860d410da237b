"""The sections of the settings: one frozen class each, every field with its unit.

No field has a default here (save secrets, which no file may hold): the values stand in `default.yaml`,
once, beside the comment that explains them.
"""

from __future__ import annotations

from config.sections.alerts import AlertSettings, FeedbackSettings, JudgeSettings
from config.sections.events import DecodeSettings, PromotionSettings, StageSettings, StateSettings, TimeSettings
from config.sections.kafka import KafkaSettings
from config.sections.models import DriftSettings, FeatureLogSettings, ModelSettings, PromotionPolicy
from config.sections.parts import DetectorSettings, PartSettings, WeightedPartSettings
from config.sections.redis import RedisSettings
from config.sections.section import Count, Family, Name, Seconds
from config.sections.worker import CheckpointSettings, LogSettings, ShuffleSettings, WebSettings

__all__ = [
    "AlertSettings",
    "CheckpointSettings",
    "Count",
    "DecodeSettings",
    "DetectorSettings",
    "DriftSettings",
    "Family",
    "FeatureLogSettings",
    "FeedbackSettings",
    "JudgeSettings",
    "KafkaSettings",
    "LogSettings",
    "ModelSettings",
    "Name",
    "PartSettings",
    "PromotionPolicy",
    "PromotionSettings",
    "RedisSettings",
    "Seconds",
    "ShuffleSettings",
    "StageSettings",
    "StateSettings",
    "TimeSettings",
    "WebSettings",
    "WeightedPartSettings",
]
