"""A product sells at a wrong price for a day; what is charged and paid follows it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from stream.evaluation.fault import HOUR_MS, Fault, Stage
from stream.evaluation.history import Event, charge, minor_of, time_of
from stream.importers.source import money
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label

_LASTS_MS = 24 * HOUR_MS


class Mispriced(Fault):
    """Sizes are how often the product was sold before: one never seen has no price of its own to be off."""

    kinds: ClassVar[tuple[str, ...]] = ("price.outlier",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "price")
    sizes: ClassVar[Mapping[Difficulty, float]] = {"easy": 20, "medium": 5, "hard": 0}
    factor: ClassVar[Fraction]

    def inject(self, stage: Stage) -> Label | None:
        """Misprice a product from one of its orders on."""
        history = stage.history
        orders = history.untouched(stage.begins_ms, stage.ends_ms)
        for order in stage.some(orders, len(orders)) if len(orders) else ():
            for line in history.created(order)["line_items"]:
                at_ms, product = time_of(history.created(order)), line["product_id"]
                if history.earlier_sales(product, at_ms) >= self.sizes[stage.difficulty]:
                    return self._misprice(product, stage, at_ms)
        return None

    def _misprice(self, product: str, stage: Stage, begins_ms: int) -> Label | None:
        shows, lost_minor = [], 0
        for order in stage.history.untouched(begins_ms, begins_ms + _LASTS_MS):
            created = stage.history.created(order)
            difference = sum(self._wrong(line) for line in created["line_items"] if line["product_id"] == product)
            if difference:
                charge(stage.history.life(order), difference)
                stage.history.touch(order)
                shows.append((time_of(created), order))
                lost_minor += max(0, -difference)
        return self.label(f"product/{product}", shows, lost_minor) if shows else None

    def _wrong(self, line: Event) -> int:
        """Change the price of a line; returns by how much its sum has grown, in minor units."""
        before = minor_of(line["price"])
        after = max(1, round(before * self.factor))
        line["price"] = money(after)
        return int(line["quantity"] * (after - before))
