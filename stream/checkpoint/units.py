"""The units of a state: names that end in a partition's number before the first slash, and all the others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from features.state import State

MERGE: Final = "merge"
_OF_PARTITION: Final = re.compile(r"[^/]*\.(\d+)/")


def unit_of(name: str) -> str:
    """The unit to which an array belongs.

    >>> unit_of("judge.3/alarms/count"), unit_of("across/open/0")
    ('3', 'merge')
    """
    found = _OF_PARTITION.match(name)
    return found[1] if found else MERGE


def split(state: State) -> dict[str, State]:
    """The state of each unit."""
    units: dict[str, State] = {}
    for name, array in state.items():
        units.setdefault(unit_of(name), {})[name] = array
    return units


def offsets_of(unit: str, offsets: Mapping[int, int]) -> dict[int, int]:
    """The input that a unit covers: its own partition, or all of them."""
    return dict(offsets) if unit == MERGE else {p: offset for p, offset in offsets.items() if str(p) == unit}


def changelog_partition(unit: str) -> int:
    """The partition of the changelog that holds a unit: that of its orders, and the first one for what is merged."""
    return 0 if unit == MERGE else int(unit)
