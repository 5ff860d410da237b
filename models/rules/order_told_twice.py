"""The same order is told again as a new event."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from features.columns.created_again import SAME
from features.feature import STRICT
from models.examples import created, paid
from models.rules._created_again import AgainRule


@dataclass(config=STRICT)
class OrderToldTwice(AgainRule):
    """`order.created` for a number that was told before, word for word, under another event id.

    A repeated delivery has the same event id and is left out before any rule; this is a sender that makes a new
    event of an old order, so that whoever counts events counts it twice. Observed is 2 of at most 1.
    """

    kind = "duplicate.event"
    value = SAME

    FIRES = (
        [created(), created(at=60)],
        [created(), paid(), created(at=90)],
    )
    QUIET = (
        [created()],
        [created(), created(at=60, customer_id="c2")],
        [created(), created("o2", at=60)],
    )
