"""Who sent an event: of an order placed its channel, of all else the system behind its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from features.event import CREATED, EVENT_TYPES

if TYPE_CHECKING:
    from features.batch import I64, Batch

_NAMES: Final = [str(cls.__struct_config__.tag) for cls in EVENT_TYPES]


def sources_of(batch: Batch, at: I64) -> list[str]:
    """Sources of the events at some positions, e.g. order.created/app or order.paid."""
    return [_source(batch, position) for position in at.tolist()]


def _source(batch: Batch, at: int) -> str:
    name = _NAMES[int(batch.kind[at])]
    if batch.kind[at] != CREATED:
        return name
    return f"{name}/{batch.created.channel[int(np.searchsorted(batch.created.at, at))]}"
