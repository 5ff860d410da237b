"""Currencies of ISO 4217 and how many decimals their money has."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1024)
def exponent(code: str) -> int | None:
    """Number of decimals of a currency's minor unit, or None where ISO 4217 names none.

    `code` is the alphabetic code in capitals. Codes that are no money of a country (gold, test codes) have
    no minor unit either. Source: ISO 4217 list one, as the `iso4217` package ships it.

    >>> [exponent(code) for code in ("JPY", "CNY", "KWD")]
    [0, 2, 3]
    >>> exponent("XAU") is None and exponent("ZZZ") is None
    True
    """
    from iso4217 import Currency

    try:
        decimals = Currency(code).exponent
    except ValueError:
        return None
    return None if decimals is None else int(decimals)
