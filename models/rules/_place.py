"""Where an order came from or goes, by name, for events that do not say it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from features.batch import I32, PLACES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from features.keys import Keys

UNKNOWN: Final = "unknown"
"""The order's creation, or its hand-over, was never seen."""


def names_of(spaces: Mapping[str, Keys], kind: str, place: I32) -> list[str]:
    """Names of one kind of place ("channel", "carrier", ...) for rows of `features.batch.Life.place`."""
    names = spaces[kind].names
    return [names[row - 1] if row else UNKNOWN for row in place[:, PLACES.index(kind)].tolist()]
