"""Money as written -> integer minor units of its currency, exactly.

`"199.00"` CNY is 19900, `"199"` JPY is 199, `1.234` KWD is 1234. A JSON number is read by its shortest
decimal form, so 199.99 is 19999 although no binary fraction equals it.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

MAX_UNITS: Final = 10**11
"""A hundred billion units of a currency: beyond that an amount is a mistake, and sums stay exact."""

NOT_GIVEN: Final = -(2**63)
"""Stands for an absent amount or time in a column of integers."""

_REMEMBERED: Final = 100_000


class Malformed(ValueError):
    """A value that can't be what its field says; the message names the value and the limit."""


class MinorUnits(dict[str | int | float | None, int]):
    """Money text -> minor units for one number of decimals, remembered because prices repeat.

    >>> MinorUnits(2)["199.00"], MinorUnits(0)[199], MinorUnits(3)[1.5]
    (19900, 199, 1500)
    """

    __slots__ = ("_scale", "exponent", "limit")

    def __init__(self, exponent: int) -> None:
        """Read amounts of a currency with `exponent` decimals."""
        super().__init__({None: NOT_GIVEN})
        self.exponent = exponent
        self._scale = Decimal(10) ** exponent
        self.limit = MAX_UNITS * 10**exponent

    def __missing__(self, written: str | float | None) -> int:
        """Parse an amount that was not seen lately, None as `NOT_GIVEN`; raises `Malformed`."""
        if len(self) >= _REMEMBERED:
            self.clear()
            self[None] = NOT_GIVEN
        minor = self[written] = self._parse(written)
        return minor

    def _parse(self, written: str | float | None) -> int:
        try:
            minor = Decimal(str(written)) * self._scale
        except InvalidOperation:
            raise Malformed(f"amount {written!r} is no decimal number") from None
        if not minor.is_finite() or abs(minor) > self.limit:
            raise Malformed(f"amount {written!r} is beyond {MAX_UNITS} units")
        if minor != (whole := int(minor)):
            raise Malformed(f"amount {written!r} has more than {self.exponent} decimals")
        return whole
