"""What is an event, how time is cut, and what is expected of an order: what the stream is read with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime

from config.sections.section import Count, Seconds, Section, Spreads, Wait


class DecodeSettings(Section):
    """What is still an event, and what is a dead letter."""

    max_event_bytes: Count
    earliest: AwareDatetime
    max_ahead_seconds: Seconds
    duplicate_window_events: Count

    @property
    def earliest_ms(self) -> int:
        """`earliest` in milliseconds since 1970-01-01 UTC."""
        return round(self.earliest.timestamp() * 1000)


def _is_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError("must be a time zone of the IANA list, such as UTC or Asia/Shanghai") from error
    return name


class TimeSettings(Section):
    """Event time: how long is waited, and how it is cut."""

    allowed_lateness_seconds: Wait
    pane_seconds: Count
    idle_source_seconds: Seconds
    business_timezone: Annotated[str, AfterValidator(_is_timezone)]
    calendar_file: Path | None


class StateSettings(Section):
    """Most live keys of each kind, per partition; the least recently seen goes first."""

    max_orders: Count
    max_products: Count
    max_customers: Count
    max_sellers: Count
    max_promotions: Count
    max_routes: Count


class StageSettings(Section):
    """How long each stage of an order may take after the one before it; 0: it is not waited for.

    `reconciled` and `refunded` are grace times: for systems to agree on an order, and for money to go back.
    `route_spreads` : without a promised time, delivery is overdue so many spreads beyond its route's usual time.
    """

    paid_within_seconds: Wait
    approved_within_seconds: Wait
    shipped_within_seconds: Wait
    delivered_within_seconds: Wait
    reconciled_within_seconds: Wait
    refunded_within_seconds: Wait
    route_spreads: Spreads

    @property
    def limits_seconds(self) -> dict[str, float]:
        """The limits by stage."""
        end = "_within_seconds"
        return {field.removesuffix(end): limit for field, limit in self if field.endswith(end)}


class PromotionSettings(Section):
    """The register of promotions, if there is one."""

    file: Path | None
