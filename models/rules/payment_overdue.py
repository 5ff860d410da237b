"""The customer ordered and did not pay."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created, paid, shipped
from models.rules._stage_overdue import StageOverdue

_DAY = 86_400


@dataclass(config=STRICT)
class PaymentOverdue(StageOverdue):
    """No payment came within `stages.paid_within_seconds` of the order.

    Found when event time passes the deadline, by whatever event of the partition comes next. Observed is
    hours late, of at most 0.

    Parameters
    ----------
    ignored
        Channels whose orders are paid later, such as at the door.
    """

    kind = "payment.overdue"
    entity_type = "channel"
    stage = "paid"

    FIRES = (
        [created(), created("o2", at=_DAY + 1)],
        [created(), created("o2", at=1), paid("o2"), created("o3", at=_DAY + 1)],
    )
    QUIET = (
        [created(), created("o2", at=_DAY)],
        [created(), paid(), created("o2", at=_DAY + 1)],
        [created(), shipped(), created("o2", at=_DAY + 1)],
    )
