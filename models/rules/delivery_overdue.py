"""A parcel is on its way for too long."""

from __future__ import annotations

from typing import Any

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created, delivered, paid, shipped
from models.rules._stage_overdue import StageOverdue

_DAY = 86_400


def _usual(parcels: int) -> list[dict[str, Any]]:
    """A route that takes a day, as so many parcels have shown."""
    names = [f"u{number}" for number in range(parcels)]
    orders, handed_over = [created(name) for name in names], [shipped(name) for name in names]
    return orders + handed_over + [delivered(name, at=3600 + _DAY) for name in names]


@dataclass(config=STRICT)
class DeliveryOverdue(StageOverdue):
    """The goods did not arrive when promised, or within `stages.delivered_within_seconds` of hand-over.

    Where nothing was promised and parcels of the route (carrier and region) are known, their usual time and
    `stages.route_spreads` of its spreads go before that limit (`features.route_limits`).

    Found when event time passes the deadline, by whatever event of the partition comes next. Observed is
    hours late, of at most 0.

    Parameters
    ----------
    ignored
        Carriers that report no delivery.
    """

    kind = "logistics.delivery_overdue"
    entity_type = "carrier"
    stage = "delivered"

    FIRES = (
        [created(), paid(), shipped(), created("o2", at=3600 + 30 * _DAY + 1)],
        [created(promised_at="2026-01-07T10:00:00Z"), paid(), shipped(), created("o2", at=2 * _DAY + 1)],
        [*_usual(30), created("o1", at=2 * _DAY), shipped("o1", at=2 * _DAY), created("o2", at=4 * _DAY)],
    )
    QUIET = (
        [created(), paid(), shipped(), created("o2", at=3600 + 30 * _DAY)],
        [created(), paid(), shipped(), delivered(), created("o2", at=3600 + 30 * _DAY + 1)],
        [created(promised_at="2026-01-07T10:00:00Z"), paid(), shipped(), created("o2", at=2 * _DAY)],
        [*_usual(30), created("o1", at=2 * _DAY), shipped("o1", at=2 * _DAY), created("o2", at=3 * _DAY)],
        [*_usual(29), created("o1", at=2 * _DAY), shipped("o1", at=2 * _DAY), created("o2", at=4 * _DAY)],
    )
