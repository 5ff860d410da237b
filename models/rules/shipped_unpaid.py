"""Goods leave that nobody has paid for."""

from __future__ import annotations

from dataclasses import field

from pydantic.dataclasses import dataclass

from features.batch import ORDER_TIMES, PAID_SO_FAR, REFUNDED_SO_FAR, TOTAL, Batch
from features.feature import STRICT
from models.examples import created, paid, refunded, shipped
from models.finding import NOTHING, Findings, found
from models.rule import Rule
from models.rules._money_events import as_minor, units
from models.rules._place import names_of

_CREATED, _PAID = ORDER_TIMES.index("created"), ORDER_TIMES.index("paid")


@dataclass(config=STRICT)
class ShippedUnpaid(Rule):
    """An order is handed to the carrier while the shop holds none of its money.

    paid so far - refunded <= 0 < total, at `order.shipped`. An order whose creation was not seen, or that
    costs nothing, is not judged. Observed is the money held, in units of the currency; the loss is the total.

    Parameters
    ----------
    channels_paid_on_delivery
        Channels whose customers pay at the door.
    trust_reported
        Whether any `order.paid` will do, though no money was received: for shops that authorise a card first
        and take the money at hand-over.
    """

    kind = "process.shipped_unpaid"
    entity_type = "channel"

    FIRES = (
        [created(), shipped()],
        [created(), paid(status="authorized"), shipped()],
        [created(), paid(), refunded(at=100), shipped()],
    )
    QUIET = (
        [created(), paid(), shipped()],
        [created(), paid(amount="0.01"), shipped()],
        [created(total_price=0), shipped()],
        [shipped()],
        [created(), paid(), created("o2"), paid("o2"), shipped("o2")],
    )

    channels_paid_on_delivery: list[str] = field(default_factory=list)
    trust_reported: bool = False

    def check(self, batch: Batch) -> Findings:
        """Hand-overs of unpaid orders."""
        at = batch.shipments.at
        if not len(at):
            return NOTHING
        times, money = batch.life.at_ms[at], batch.life.money_e4[at]
        held = money[:, PAID_SO_FAR] - money[:, REFUNDED_SO_FAR]
        unpaid = (held <= 0) & (money[:, TOTAL] > 0) & (times[:, _CREATED] > 0)
        if self.trust_reported:
            unpaid &= times[:, _PAID] == 0
        rows = unpaid.nonzero()[0]
        channels = names_of(self._spaces, "channel", batch.life.place[at[rows]])
        if self.channels_paid_on_delivery:
            kept = [i for i, name in enumerate(channels) if name not in self.channels_paid_on_delivery]
            rows, channels = rows[kept], [channels[i] for i in kept]
        if not len(rows):
            return NOTHING
        total = money[rows, TOTAL]
        return found(
            batch,
            at[rows],
            channels,
            observed=units(held[rows]),
            low=units(total),
            loss_minor=as_minor(total),
        )
