"""Durations for people."""

from __future__ import annotations

from typing import Final

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_UNITS: Final = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"))


def span_text(seconds: float | None) -> str:
    """A duration for people.

    >>> [span_text(seconds) for seconds in (None, 0.0, 90.0, 5_400.0, 180_000.0)]
    ['-', '0 s', '1.5 min', '1.5 h', '2.1 d']
    """
    if seconds is None:
        return "-"
    for unit, name in _UNITS:
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
