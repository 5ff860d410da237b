"""How far a part is that has to learn before it says anything: "warming up, 13 of 24 hours"."""

from __future__ import annotations

from typing import NamedTuple


class WarmUp(NamedTuple):
    """What was learned, and what it takes; `unit` is a plural.

    >>> str(WarmUp(13, 24, "hours")), WarmUp(13, 24, "hours").is_over
    ('13 of 24 hours', False)
    """

    seen: int
    needed: int
    unit: str

    @property
    def is_over(self) -> bool:
        """Whether the part has an opinion by now."""
        return self.seen >= self.needed

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{min(self.seen, self.needed)} of {self.needed} {self.unit}"
