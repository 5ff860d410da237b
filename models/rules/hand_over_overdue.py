"""An order lies in the warehouse."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import approved, created, paid, shipped
from models.rules._stage_overdue import StageOverdue

_DAY = 86_400


@dataclass(config=STRICT)
class HandOverOverdue(StageOverdue):
    """The goods were not handed to a carrier within `stages.shipped_within_seconds` of the approval.

    Found when event time passes the deadline, by whatever event of the partition comes next. Grouped by
    channel, since no carrier is known yet. Observed is hours late, of at most 0.

    Parameters
    ----------
    ignored
        Channels whose goods are not sent, such as a counter.
    """

    kind = "logistics.hand_over_overdue"
    entity_type = "channel"
    stage = "shipped"

    FIRES = ([created(), paid(), approved(), created("o2", at=120 + 3 * _DAY + 1)],)
    QUIET = (
        [created(), paid(), approved(), created("o2", at=120 + 3 * _DAY)],
        [created(), paid(), approved(), shipped(), created("o2", at=120 + 3 * _DAY + 1)],
    )
