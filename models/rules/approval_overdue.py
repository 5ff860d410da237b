"""A paid order waits for its review."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import approved, created, paid
from models.rules._stage_overdue import StageOverdue

_DAY = 86_400


@dataclass(config=STRICT)
class ApprovalOverdue(StageOverdue):
    """No approval came within `stages.approved_within_seconds` of the payment.

    Found when event time passes the deadline, by whatever event of the partition comes next. Observed is
    hours late, of at most 0.

    Parameters
    ----------
    ignored
        Channels whose orders need no review.
    """

    kind = "process.approval_overdue"
    entity_type = "channel"
    stage = "approved"

    FIRES = ([created(), paid(), created("o2", at=60 + _DAY + 1)],)
    QUIET = (
        [created(), paid(), created("o2", at=60 + _DAY)],
        [created(), paid(), approved(), created("o2", at=60 + _DAY + 1)],
        [created(), created("o2", at=60 + _DAY + 1)],
    )
