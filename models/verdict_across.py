"""A verdict that no single partition gave: on panes that all of them have counted together."""

from __future__ import annotations

from typing import Final

from models.verdict import Signal, Verdict

ACROSS: Final = -1
"""The partition of such a verdict."""


def verdict_across(
    signal: Signal,
    entity_type: str,
    entity: str,
    end_ms: int,
    lateness_ms: int,
    place: int,
    window_ms: tuple[int, int] | None = None,
) -> Verdict:
    """The verdict on panes that end at `end_ms`, which is known once the clock is the lateness past it.

    `place` : its rank among those of the same moment. `window_ms` : the window judged, where there is one.
    """
    return Verdict(
        kind=signal.kind,
        score=signal.score,
        entity_type=entity_type,
        entity=entity,
        time_ms=end_ms,
        clock_ms=end_ms + lateness_ms,
        partition=ACROSS,
        offset=place,
        signals=(signal,),
        window_ms=window_ms,
    )
