"""What is on sale: list prices, today's prices, costs, sellers, and how popular each product is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from stream.simulator.market import cumulative
from stream.simulator.settings import LEAST_PRODUCTS

if TYPE_CHECKING:
    from stream.simulator.settings import SimulatorSettings

I64 = NDArray[np.int64]

CAMPAIGN_PRODUCTS: Final = 8
"""The first products of every catalogue: dear furniture that the campaign promotions are made for."""
MAX_RANK: Final = LEAST_PRODUCTS - CAMPAIGN_PRODUCTS - 1
"""Ranks of popularity that every catalogue has, counted from the first product outside the campaign."""
CAMPAIGN_SHARE: Final = 0.05
CROSS_BORDER_SELLERS: Final = 10
"""Every tenth seller ships from abroad: its goods bear tax."""

_LOG_PRICE, _LOG_PRICE_SPREAD = 4.31, 0.93  # of real items: median 73, and a long tail
_MOVED_SHARE, _MOVED_SPREAD, _MOVED_MOST = 0.22, 0.16, 0.25  # of a real product around its own median
_POPULARITY_EXPONENT = 0.75
# either promotion leaves a margin on every campaign product, both together leave none
_CAMPAIGN_PRICE, _CAMPAIGN_COST = (1_150.0, 1_350.0), (0.52, 0.58)


def ranked(rank: int) -> int:
    """Product number of a rank: 0 is the most popular product outside the campaign."""
    return CAMPAIGN_PRODUCTS + rank


def sku_of(product: int) -> str:
    """Stock keeping unit of a product's number."""
    return f"sku-{product:06d}"


def product_id_of(product: int) -> str:
    """Product id of a product's number."""
    return f"prd-{product:06d}"


class Catalogue:
    """The products of one run.

    `list_minor`, `cost_minor` and `edges` (cumulative popularity) have an entry a product. A product sells at
    its list price on most days; on the others at a price a few percent off, the same for the whole day;
    campaign products never do.
    """

    def __init__(self, settings: SimulatorSettings, seed: np.random.SeedSequence) -> None:
        """Draw the catalogue of `settings`."""
        self._seed = seed
        rng = np.random.default_rng(seed)
        n = settings.products
        self.list_minor = self._list_prices(n, rng)
        ratio = rng.uniform(0.45, 0.60, n)
        ratio[:CAMPAIGN_PRODUCTS] = rng.uniform(*_CAMPAIGN_COST, CAMPAIGN_PRODUCTS)
        self.cost_minor: I64 = np.rint(self.list_minor * ratio).astype(np.int64)
        self.cost_by_product: list[int] = self.cost_minor.tolist()  # plain numbers: quicker one by one
        self.edges = cumulative(self._popularity(n))
        self.skus = [sku_of(i) for i in range(n)]
        self.product_ids = [product_id_of(i) for i in range(n)]
        self._sellers: list[int] = rng.integers(settings.sellers, size=n).tolist()
        self.seller_ids = [f"seller-{seller:04d}" for seller in self._sellers]
        self._day = -1
        self._today = self.list_minor

    @staticmethod
    def _list_prices(n: int, rng: np.random.Generator) -> I64:
        prices = np.exp(rng.normal(_LOG_PRICE, _LOG_PRICE_SPREAD, n))
        prices = np.clip(prices, 5.0, 900.0)
        prices[:CAMPAIGN_PRODUCTS] = rng.uniform(*_CAMPAIGN_PRICE, CAMPAIGN_PRODUCTS)
        return np.rint(prices).astype(np.int64) * 100 - 10  # shop prices: 72.90

    @staticmethod
    def _popularity(n: int) -> NDArray[np.float64]:
        shares: NDArray[np.float64] = (5.0 + np.arange(n, dtype=np.float64)) ** -_POPULARITY_EXPONENT
        rest = shares[CAMPAIGN_PRODUCTS:]
        shares[CAMPAIGN_PRODUCTS:] = rest / rest.sum() * (1.0 - CAMPAIGN_SHARE)
        shares[:CAMPAIGN_PRODUCTS] = CAMPAIGN_SHARE / CAMPAIGN_PRODUCTS
        return shares

    def crosses_border(self, product: int) -> bool:
        """Whether `product` is sold from abroad."""
        return self._sellers[product] % CROSS_BORDER_SELLERS == CROSS_BORDER_SELLERS - 1

    def prices_on(self, day: int) -> I64:
        """Unit prices of all products on the local `day` (days since 1970), whatever was asked before."""
        if day != self._day:
            rng = np.random.default_rng([day, *self._seed.generate_state(2)])
            n = len(self.list_minor)
            off = np.clip(rng.normal(0.0, _MOVED_SPREAD, n), -_MOVED_MOST, _MOVED_MOST)
            off[rng.random(n) >= _MOVED_SHARE] = 0.0
            off[:CAMPAIGN_PRODUCTS] = 0.0  # a campaign is launched at a price that holds
            self._day, self._today = day, np.rint(self.list_minor * np.exp(off)).astype(np.int64)
        return self._today
