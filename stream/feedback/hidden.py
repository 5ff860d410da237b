"""What a suppression has hidden, as workers tell it on the control topic and people read it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec

from stream.feedback.effect import Hidden, Suppression

HIDDEN: Final = b"hidden/"


def told_of(suppression: Suppression) -> tuple[bytes, bytes]:
    """Key and value under which the last count is kept."""
    return HIDDEN + suppression.feedback.id.encode(), msgspec.json.encode(suppression.hidden)


def hidden_of(messages: Iterable[tuple[bytes, bytes]]) -> dict[str, dict[str, Any]]:
    """Id of the feedback -> what it has hidden, in units of the currency, from all messages of the control topic."""
    last = {key.removeprefix(HIDDEN).decode(): value for key, value in messages if key.startswith(HIDDEN)}
    return {name: _plain(msgspec.json.decode(value, type=Hidden)) for name, value in last.items() if value}


def _plain(hidden: Hidden) -> dict[str, Any]:
    return {
        "count": hidden.count,
        "loss": str((Decimal(hidden.loss_e4) / 10_000).quantize(Decimal("0.01"))),
        "currency": hidden.currency,
        "order_ids": hidden.order_ids,
        "lifted": bool(hidden.lifted_ms),
    }
