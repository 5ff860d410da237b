"""Makes honest orders: draws everything about many of them at once, then puts each together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from stream.simulator import market
from stream.simulator.catalogue import CAMPAIGN_PRODUCTS, Catalogue
from stream.simulator.market import CARRIERS, CLIENTS, METHODS, REGIONS, Client, cumulative
from stream.simulator.order import NEVER, Journey, Line, Order, OrderNumbers
from stream.simulator.promotions import honest_discounts

if TYPE_CHECKING:
    from stream.simulator.settings import SimulatorSettings

I64 = NDArray[np.int64]

DAY_MS: Final = 86_400_000
FREE_SHIPPING_FROM_MINOR: Final = 29_900
TAX_PERMILLE: Final = 91
"""Tax on goods from abroad, which is taken after discounts."""
_GIFT_CARD_SHARE = 0.03
_UNPAID_AFTER_MS = 1_800_000
_MINUTE_MS = 60_000.0
_PROMISE_ALLOWS_MS = 1_800_000  # for payment and review, which do not shrink with latency_scale


class Shop:
    """The shop of one run: its catalogue, its customers and their homes."""

    def __init__(self, settings: SimulatorSettings, seed: np.random.SeedSequence) -> None:
        """Draw the shop of `settings`."""
        catalogue_seed, homes_seed = seed.spawn(2)
        self.settings = settings
        self.catalogue = Catalogue(settings, catalogue_seed)
        homes = np.random.default_rng(homes_seed).random(settings.customers)
        self._homes = np.searchsorted(cumulative(region.share for region in REGIONS), homes)
        self._client_edges = cumulative(client.share for client in CLIENTS)
        self._carrier_edges = cumulative(carrier.share for carrier in CARRIERS)
        self._method_edges = cumulative(method.share for method in METHODS)
        self._lines_edges = cumulative(market.LINES_SHARES)
        self._quantity_edges = cumulative(market.QUANTITY_SHARES)

    def place(
        self,
        times: I64,
        rng: np.random.Generator,
        numbers: OrderNumbers,
        *,
        product: int | None = None,
        client: Client | None = None,
    ) -> list[Order]:
        """Make an honest order at each of `times`; all of `product`, all by `client`, where given."""
        n = len(times)
        homes = self._homes[customers := rng.integers(self.settings.customers, size=n)]
        clients = np.searchsorted(self._client_edges, rng.random(n)).tolist()
        carriers = np.searchsorted(self._carrier_edges, rng.random(n))
        methods = np.searchsorted(self._method_edges, rng.random(n))
        baskets = self._baskets(times, rng, product)
        journeys = self._journeys(times, homes, carriers, methods, rng)
        promises = times + self._promised_after(homes)
        draws, cards = (
            rng.random(n),
            np.where(rng.random(n) < _GIFT_CARD_SHARE, rng.uniform(0.1, 0.5, n), 0.0),
        )
        return [
            self._order(number, time, customer, client or CLIENTS[which], home, lines, draw, card, *rest)
            for number, time, customer, which, home, lines, draw, card, *rest in zip(
                numbers.take(n),
                times.tolist(),
                customers.tolist(),
                clients,
                homes.tolist(),
                baskets,
                draws.tolist(),
                cards.tolist(),
                carriers.tolist(),
                methods.tolist(),
                promises.tolist(),
                journeys,
                strict=True,
            )
        ]

    def _order(
        self,
        number: str,
        time_ms: int,
        customer: int,
        client: Client,
        home: int,
        lines: list[Line],
        draw: float,
        gift_card_share: float,
        carrier: int,
        method: int,
        promised_ms: int,
        journey: Journey,
    ) -> Order:
        region = REGIONS[home]
        goods = sum([line.price_minor * line.quantity for line in lines])
        campaign = min(line.product for line in lines) < CAMPAIGN_PRODUCTS
        discounts = honest_discounts(draw, goods, client, campaign=campaign)
        taxed = goods - sum([discount.amount_minor for discount in discounts])
        foreign = self.catalogue.crosses_border(lines[0].product)
        return Order(
            order_id=number,
            time_ms=time_ms,
            customer=customer,
            client=client,
            region=region,
            lines=lines,
            discounts=discounts,
            shipping_minor=0 if goods >= FREE_SHIPPING_FROM_MINOR else region.shipping_minor,
            tax_minor=taxed * TAX_PERMILLE // 1_000 if foreign else 0,
            method=METHODS[method].name,
            carrier=CARRIERS[carrier].name,
            promised_ms=promised_ms,
            gift_card_share=gift_card_share,
            journey=journey,
            phone=f"+86 13{customer % 10} {1_000 + customer * 7 % 9_000} {1_000 + customer * 13 % 9_000}",
            postal_code=region.postal_code,
        )

    def _baskets(self, times: I64, rng: np.random.Generator, product: int | None) -> list[list[Line]]:
        counts = 1 + np.searchsorted(self._lines_edges, rng.random(len(times)))
        products = np.searchsorted(self.catalogue.edges, rng.random(int(counts.sum())))
        starts = np.cumsum(counts) - counts
        if product is not None:
            products[starts] = product
        quantities = 1 + np.searchsorted(self._quantity_edges, rng.random(len(products)))
        days = (np.repeat(times, counts) + round(self.settings.utc_offset_hours * 3_600_000)) // DAY_MS
        prices = self._prices(days, products)
        lines = list(map(Line._make, zip(products.tolist(), quantities.tolist(), prices.tolist(), strict=True)))
        return [lines[a : a + n] for a, n in zip(starts.tolist(), counts.tolist(), strict=True)]

    def _prices(self, days: I64, products: I64) -> I64:
        prices = np.empty_like(products)
        for day in np.unique(days).tolist():
            chosen = days == day
            prices[chosen] = self.catalogue.prices_on(day)[products[chosen]]
        return prices

    def _promised_after(self, homes: I64) -> I64:
        """Milliseconds from order to promised delivery, by region."""
        sigmas = self.settings.promise_sigmas
        days = [market.HANDLING_DAYS + r.transit_days * math.exp(sigmas * r.spread) for r in REGIONS]
        scaled = np.array(days) * (DAY_MS * self.settings.latency_scale)
        return (scaled + _PROMISE_ALLOWS_MS).astype(np.int64)[homes]

    def _journeys(self, times: I64, homes: I64, carriers: I64, methods: I64, rng: np.random.Generator) -> list[Journey]:
        scale = self.settings.latency_scale
        paid = times + self._payment_ms(methods, rng)
        approved = paid + _delays(market.REVIEW_MINUTES * _MINUTE_MS, market.REVIEW_SPREAD, rng, len(times))
        handling = _delays(market.HANDLING_DAYS * DAY_MS * scale, market.HANDLING_SPREAD, rng, len(times))
        shipped = approved + handling
        pace = np.array([carrier.pace for carrier in CARRIERS])[carriers]
        transit = np.array([region.transit_days for region in REGIONS])[homes] * pace * DAY_MS * scale
        spread = np.array([region.spread for region in REGIONS])[homes]
        delivered = shipped + _delays(transit, spread, rng, len(times))
        returned = delivered + _delays(3.0 * DAY_MS * scale, 0.5, rng, len(times))
        return _fates(times, np.stack([paid, approved, shipped, delivered, returned]), rng)

    def _payment_ms(self, methods: I64, rng: np.random.Generator) -> I64:
        scale = self.settings.latency_scale
        medians = np.array([m.minutes * _MINUTE_MS * (scale if m.scaled else 1.0) for m in METHODS])
        spreads = np.array([method.spread for method in METHODS])
        return _delays(medians[methods], spreads[methods], rng, len(methods))


def _delays(
    median_ms: float | NDArray[np.float64],
    spread: float | NDArray[np.float64],
    rng: np.random.Generator,
    n: int,
) -> I64:
    """Log-normal delays, at least one millisecond, so that the stages of an order keep their order."""
    drawn: I64 = (1.0 + median_ms * np.exp(spread * rng.standard_normal(n))).astype(np.int64)
    return drawn


def _fates(times: I64, stages: I64, rng: np.random.Generator) -> list[Journey]:
    """Most orders arrive and are kept; the others end as the market's shares say."""
    paid, approved, shipped, delivered, returned = stages
    fate = rng.random(len(times))
    unpaid = fate < market.UNPAID_SHARE
    withdrawn = ~unpaid & (fate < market.UNPAID_SHARE + market.WITHDRAWN_SHARE)
    kept = fate >= market.UNPAID_SHARE + market.WITHDRAWN_SHARE + market.RETURNED_SHARE
    gone = unpaid | withdrawn
    half_way = approved + (shipped - approved) // 2
    columns = (
        np.where(unpaid, NEVER, paid),
        np.where(unpaid, NEVER, approved),
        np.where(gone, NEVER, shipped),
        np.where(gone, NEVER, delivered),
        np.where(unpaid, times + _UNPAID_AFTER_MS, np.where(withdrawn, half_way, NEVER)),
        np.where(withdrawn, half_way + 1_000, np.where(gone | kept, NEVER, returned)),
    )
    return list(map(Journey, *(column.tolist() for column in columns)))
