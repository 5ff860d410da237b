"""Who buys, from where, and how it is paid and carried: the fixed surroundings of the simulated shop.

The spread follows what a real marketplace showed over 45,000 orders: one region takes a third of the orders
and has them within eight days, the far ones wait more than three weeks; a card is settled in a quarter of an
hour, a transfer in a day. Only such summary figures are used here, none of the data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


class Client(NamedTuple):
    """What an order was placed with; a `stale` one still runs rules that were withdrawn."""

    channel: str
    version: str | None
    share: float
    stale: bool = False


class Region(NamedTuple):
    """Where orders go: `transit_days` is the median from hand-over to delivery, `spread` its log sigma."""

    name: str
    city: str
    postal_code: str
    share: float
    transit_days: float
    spread: float
    shipping_minor: int


class Carrier(NamedTuple):
    """Who brings it: `pace` multiplies the region's transit time."""

    name: str
    share: float
    pace: float


class Method(NamedTuple):
    """How it is paid: `minutes` is the median from order to payment, `spread` its log deviation.

    `scaled` where it takes days and so shrinks with the run's `latency_scale`.
    """

    name: str
    share: float
    minutes: float
    spread: float
    scaled: bool = False


CLIENTS: Final = (
    Client("app", "8.5", 0.29),
    Client("app", "8.4", 0.12),
    Client("app", "8.3", 0.03, stale=True),
    Client("app", "8.2", 0.02, stale=True),
    Client("web", "2026.3", 0.27),
    Client("tmall", None, 0.19),
    Client("pos", "12.1", 0.08),
)
CHANNELS: Final = tuple(dict.fromkeys(client.channel for client in CLIENTS))

REGIONS: Final = (
    Region("Shanghai", "Shanghai", "200000", 0.38, 5.1, 0.65, 800),
    Region("Guangdong", "Guangzhou", "510000", 0.14, 8.4, 0.55, 1000),
    Region("Zhejiang", "Hangzhou", "310000", 0.12, 7.5, 0.45, 800),
    Region("Beijing", "Beijing", "100000", 0.07, 10.0, 0.50, 1200),
    Region("Jiangsu", "Nanjing", "210000", 0.06, 7.6, 0.45, 800),
    Region("Sichuan", "Chengdu", "610000", 0.05, 10.1, 0.50, 1500),
    Region("Hubei", "Wuhan", "430000", 0.05, 9.0, 0.45, 1000),
    Region("Yunnan", "Kunming", "650000", 0.04, 13.9, 0.50, 1800),
    Region("Gansu", "Lanzhou", "730000", 0.03, 14.1, 0.45, 2000),
    Region("Hainan", "Haikou", "570000", 0.03, 16.3, 0.45, 2200),
    Region("Xinjiang", "Urumqi", "830000", 0.02, 19.1, 0.50, 2800),
    Region("Xizang", "Lhasa", "850000", 0.01, 23.0, 0.55, 3200),
)

CARRIERS: Final = (
    Carrier("SF", 0.35, 0.90),
    Carrier("YTO", 0.30, 1.05),
    Carrier("ZTO", 0.20, 1.10),
    Carrier("JD", 0.15, 1.00),
)

METHODS: Final = (
    Method("alipay", 0.42, 1.5, 0.6),
    Method("wechat_pay", 0.33, 1.2, 0.6),
    Method("credit_card", 0.19, 14.0, 0.6),
    Method("bank_transfer", 0.06, 1_750.0, 0.6, scaled=True),
)

LINES_SHARES: Final = (0.895, 0.080, 0.025)
"""One, two, three lines an order."""
QUANTITY_SHARES: Final = (0.93, 0.05, 0.02)
"""One, two, three pieces a line."""

HANDLING_DAYS, HANDLING_SPREAD = 2.0, 0.8
"""From approval to hand-over. The real spread is 1.0; its tail holds sellers that had nothing to sell."""
REVIEW_MINUTES, REVIEW_SPREAD = 4.0, 0.5
"""From payment to approval."""

UNPAID_SHARE, WITHDRAWN_SHARE, RETURNED_SHARE = 0.008, 0.005, 0.010
"""Never paid and then cancelled; cancelled and refunded before hand-over; sent back and refunded."""


def cumulative(shares: Iterable[float]) -> NDArray[np.float64]:
    """Shares -> upper edges in [0, 1], to pick from with `searchsorted`.

    >>> cumulative([1, 2, 1]).tolist()
    [0.25, 0.75, 1.0]
    """
    edges = np.cumsum(np.fromiter(shares, np.float64))
    scaled: NDArray[np.float64] = edges / edges[-1]
    return scaled
