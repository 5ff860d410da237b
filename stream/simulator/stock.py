"""Stock levels: what `inventory.updated` says about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

    from stream.simulator.settings import SimulatorSettings

REORDER_AT, RESTOCK = 20, 300
REPORTED_EVERY: Final = 10
"""Sales of a product between two reports of its level."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """From `starts_ms` to `ends_ms` a product has `level` pieces left, nothing comes in, and it sells on.

    `least` is the lowest level that is ever reported: 0 where the system that counts knows nothing below it.
    """

    starts_ms: int
    ends_ms: int
    level: int
    least: int = -1_000_000


class Stock:
    """Pieces left of each product; the warehouse restocks before it runs out, unless frozen."""

    def __init__(self, settings: SimulatorSettings, rng: np.random.Generator) -> None:
        """Start every product somewhere between its reorder point and full."""
        self._levels: list[int] = rng.integers(REORDER_AT, RESTOCK, settings.products).tolist()
        self._sales = [0] * settings.products
        self._freezes: dict[int, Freeze] = {}
        self._mute: tuple[int, int] = (0, 0)
        self._slow: tuple[int, int, int] = (0, 0, 0)

    def freeze(self, product: int, freeze: Freeze) -> None:
        """Stop the supply of `product`."""
        self._freezes[product] = freeze

    def mute(self, starts_ms: int, ends_ms: int) -> None:
        """Report no level at all meanwhile."""
        self._mute = (starts_ms, ends_ms)

    def slow(self, starts_ms: int, ends_ms: int, late_ms: int) -> None:
        """Let what is reported meanwhile arrive `late_ms` late."""
        self._slow = (starts_ms, ends_ms, late_ms)

    def late_ms(self, time_ms: int) -> int:
        """How late a level of that time arrives."""
        return self._slow[2] if self._slow[0] <= time_ms < self._slow[1] else 0

    def sell(self, product: int, quantity: int, time_ms: int) -> int | None:
        """Take `quantity` pieces; the level to report, if it is reported now."""
        level = self._left(product, quantity, time_ms)
        return None if self._mute[0] <= time_ms < self._mute[1] else level

    def _left(self, product: int, quantity: int, time_ms: int) -> int | None:
        freeze = self._freezes.get(product)
        if freeze is not None and time_ms >= freeze.starts_ms:
            return self._sell_frozen(product, quantity, time_ms, freeze)
        level = self._levels[product] - quantity
        restocked = level <= REORDER_AT
        self._levels[product] = level = level + RESTOCK if restocked else level
        self._sales[product] += 1
        return level if restocked or self._sales[product] % REPORTED_EVERY == 0 else None

    def _sell_frozen(self, product: int, quantity: int, time_ms: int, freeze: Freeze) -> int:
        if time_ms >= freeze.ends_ms:
            del self._freezes[product]
            self._levels[product] = RESTOCK
        elif self._levels[product] > freeze.level:
            self._levels[product] = freeze.level
        self._levels[product] -= quantity
        return max(self._levels[product], freeze.least)
