"""A verdict on one row of a partition's log, as the rules give it that judge where the partitions meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from features.order_slice import ORIGIN
from models.verdict import Signal, Verdict

if TYPE_CHECKING:
    from features.order_slice import OrderSlice
    from features.uses import Uses

_UNKNOWN: Final[Mapping[str, str]] = {}


def verdict_on_row(
    log: OrderSlice | Uses,
    row: int,
    entity_type: str,
    entity: str,
    signal: Signal,
    *,
    order_id: str = "",
    loss_e4: int = 0,
    origin: Mapping[str, str] = _UNKNOWN,
) -> Verdict:
    """The verdict that a row of the log is a sign of something about `entity`; it stands at the row's place.

    `origin` : the channel, client version, region and currency, as far as they are known.
    """
    return Verdict(
        kind=signal.kind,
        score=signal.score,
        entity_type=entity_type,
        entity=entity,
        time_ms=int(log.time_ms[row]),
        clock_ms=int(log.clock_ms[row]),
        partition=log.partition,
        offset=int(log.offset[row]),
        signals=(signal,),
        order_id=order_id,
        loss_e4=loss_e4,
        currency=origin.get("currency", ""),
        segment={kind: value for kind in ORIGIN if (value := origin.get(kind))},
    )
