"""Orders a minute by region and by currency, measured by all orders: a mix that changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Composed, Naming, Text, mixed
from models.volume_series import NO_KEY, SURGE, VolumeSeries

_FIELDS: Final = ("region", "currency")
_SALTS: Final = tuple(int(bits) for bits in Text.of(_FIELDS).hash)


@dataclass(config=STRICT)
class CategoryMix(VolumeSeries):
    """Value of a field that far more orders have than its share of all orders: a default that was changed in a form.

    Twice as many orders everywhere move no share. Orders without a region are counted under no name.
    """

    entity_type: ClassVar[str] = "category"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "information.category_mix"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every order twice: under its region, and under its currency."""
        created = batch.created
        n, fields = len(created), (created.region, created.currency)
        bits = np.concatenate(
            [
                mixed(np.full(n, salt, np.int64), np.ascontiguousarray(field.hash))
                for salt, field in zip(_SALTS, fields, strict=True)
            ]
        )
        return Composed(bits, lambda i: _name(fields, i, n)), np.concatenate([created.at, created.at])


def _name(fields: tuple[Text, Text], i: int, n: int) -> str:
    field, row = divmod(i, n)
    value = fields[field][row]
    return f"{_FIELDS[field]}/{value}" if value else NO_KEY
