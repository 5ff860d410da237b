"""A parcel is on its way for too long."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created, delivered, paid, shipped
from models.rules._stage_overdue import StageOverdue

_DAY = 86_400


@dataclass(config=STRICT)
class DeliveryOverdue(StageOverdue):
    """The goods did not arrive when promised, or within `stages.delivered_within_seconds` of hand-over.

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
    )
    QUIET = (
        [created(), paid(), shipped(), created("o2", at=3600 + 30 * _DAY)],
        [created(), paid(), shipped(), delivered(), created("o2", at=3600 + 30 * _DAY + 1)],
        [created(promised_at="2026-01-07T10:00:00Z"), paid(), shipped(), created("o2", at=2 * _DAY)],
    )
