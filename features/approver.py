"""Who approved an order, as a code: of the name itself nothing is kept, and nothing beyond the reading of the event."""

from __future__ import annotations

from typing import Any, Final

UNTOLD, NOBODY, NAMED = 0, 1, 2
"""The event does not say; it says nobody (empty, blank or null); it names somebody. Above: a word of `STAND_INS`."""
STAND_INS: Final = (
    "-", "admin", "anonymous", "auto", "automatic", "batch", "bot", "default", "n/a", "nobody", "none", "null",
    "system", "test", "unknown",
)  # fmt: skip
"""Words that stand where a person's name should; the code of each is its place here, behind `NAMED`."""
_NOTHING: Final[tuple[Any, ...]] = (None, False, [], {})


def approver_of(written: Any) -> int:
    """The code of `approved_by` as it stands in an event.

    >>> [approver_of(written) for written in ("Li Na", {"id": 7}, "  ", None, [])]
    [2, 2, 1, 1, 1]
    >>> approver_of("System") == code_of("system")
    True
    """
    if isinstance(written, str):
        text = written.strip(" \t\r\n")
        return code_of(text.lower() if text.isascii() else text) if text else NOBODY
    return NOBODY if any(type(written) is type(one) and written == one for one in _NOTHING) else NAMED


def code_of(word: str) -> int:
    """The code of a word of `STAND_INS`; of every other, `NAMED`."""
    return NAMED + 1 + STAND_INS.index(word) if word in STAND_INS else NAMED
