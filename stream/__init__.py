"""Kafka event -> decode -> judge -> alert -> Redis: the only code that touches the world."""

from __future__ import annotations
