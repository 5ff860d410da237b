"""What amounts are read in: the decimals of each currency, and of payments; which payments count."""

from __future__ import annotations

from typing import Final

import numpy as np

from config.currency import exponent
from features.money import MinorUnits
from features.wire.kernel import compiled
from features.wire.memory import Ints

NOT_RECEIVED: Final = frozenset({"failed", "declined", "pending", "voided", "cancelled", "authorized"})
"""Payment states in which no money has moved."""

UNKNOWN_CURRENCY_EXPONENT: Final = 2
PAYMENT_EXPONENT: Final = 4
UNKNOWN: Final = -1
TEN_THOUSANDTHS: Final = MinorUnits(PAYMENT_EXPONENT)

_MOST_CURRENCIES: Final = 1_000
_units: dict[str, MinorUnits] = {}
_PLACES: Final = 4096
_PROBES: Final = 8
exponents: Final = np.zeros((2, _PLACES + _PROBES), np.int64)
"""Hash of a currency, and its decimals: what the scanner knows. Bounded: a new one takes another's place."""


def exponent_of(currency: str) -> int:
    """Decimals of a currency's amounts; one that ISO 4217 does not know is read with two (a rule reports it)."""
    known = exponent(currency)
    return UNKNOWN_CURRENCY_EXPONENT if known is None else known


def units_of(currency: str) -> MinorUnits:
    """How amounts of this currency are read."""
    units = _units.get(currency)
    if units is None:
        if len(_units) > _MOST_CURRENCIES:  # a flood of made-up currencies stays bounded
            _units.clear()
        units = _units[currency] = MinorUnits(exponent_of(currency))
    return units


def remember(bits: int, currency: str) -> None:
    """Tell the scanner the decimals of the currency with this hash."""
    place = bits & (_PLACES - 1)
    free = (exponents[0, place : place + _PROBES] == 0).nonzero()[0]
    place += int(free[0]) if free.size else 0
    exponents[1, place] = exponent_of(currency)
    exponents[0, place] = bits


@compiled
def known_exponent(exponents: Ints, bits: int) -> int:
    """Decimals of the currency with this hash, or UNKNOWN."""
    place = bits & (_PLACES - 1)
    for k in range(place, place + _PROBES):
        if exponents[0, k] == bits:
            return exponents[1, k]  # type: ignore[no-any-return]  # an integer
    return UNKNOWN
