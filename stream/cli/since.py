"""`--since`: a moment, or how long ago."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Only later ones: 90s, 30m, 12h, 7d ago, or 2026-03-02T16:00:00Z."),
]

_AGO: Final = re.compile(r"(\d{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def since_ms(text: str | None, now: float | None = None) -> int:
    """The moment in ms since the epoch, 0 where none is given; a time without a zone is UTC.

    >>> since_ms("2026-03-02T16:00:00Z"), since_ms("2026-03-02"), since_ms("2h", now=10_000.0), since_ms(None)
    (1772467200000, 1772409600000, 2800000, 0)
    """
    if text is None:
        return 0
    ago = _AGO.fullmatch(text)
    if ago is not None:
        before = (time.time() if now is None else now) - int(ago[1]) * _SECONDS[ago[2]]
        return max(0, round(before * 1000))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"--since {text!r} is neither a time such as 2026-03-02T16:00:00Z nor an age such as 12h"
        ) from error
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, round(zoned.timestamp() * 1000))
