"""Order lines a minute by new product, in its first two weeks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Composed, Naming, Text
from models.volume_series import NO_KEY, SURGE, VolumeSeries


@dataclass(config=STRICT)
class NewProductOrders(VolumeSeries):
    """Order lines of products that are new, measured by what other new products sell.

    A product without a past is given the past of its like: here only lines of new products have a key, so what
    the series knows of an unknown key is how new products begin. Lines of all other products are counted under
    no name. Needs the feature `product_age`.

    Parameters
    ----------
    alert_p
        Chance of so odd a window in normal traffic, from which it is an alert.
    new_days
        Days from its first sale for which a product is new.
    """

    entity_type: ClassVar[str] = "product"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "inventory.new_product_surge"}

    new_days: Annotated[float, Gt(0)] = 14.0

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every line: new products under their names, the others under none."""
        product, at = batch.lines.product, batch.created.at[batch.lines.order]
        is_new = batch.columns["product_age"].values < self.new_days
        if not np.count_nonzero(is_new):
            return Composed(np.zeros(len(at), np.int64), lambda _: NO_KEY), at
        return _named_if(product, is_new), at


def _named_if(product: Text, is_new: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Composed:
    bits = np.where(is_new, product.hash, 0)
    return Composed(bits, lambda i: product[i] if is_new[i] else NO_KEY)
