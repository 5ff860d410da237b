"""Every feature, found by its file: the law of cuts, and what it says of orders whose answer is known."""

from __future__ import annotations

import random
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.registry import build, discover
from config.sections import PartSettings
from config.settings import load
from features.batch import Batch, Keyed
from features.feature import Feature
from features.keys import Keys
from features.partition import Partition
from features.read import read
from features.recent_tail import BINS
from features.recent_tail import follow as recent_tail
from features.robust_level import RobustLevel
from features.tabulate import tabulate
from models.examples import approved, created, delivered, encoded, line, paid, shipped

PARTS = discover("features.columns", Feature)
PARAMS = {"product_age": {"warm_up_days": 0}}  # the events below span hours


def partition(max_orders: int = 10_000) -> Partition:
    """A partition with every feature on."""
    settings = load()
    state = settings.state.model_copy(update={"max_orders": max_orders, "max_products": 20, "max_routes": 5})
    on = {name: PartSettings(on=True, params=PARAMS.get(name, {})) for name in PARTS}
    features = build(PARTS, on, "feature")
    ordered = dict(sorted(features.items(), key=lambda item: len(item[1].reads)))
    return Partition(settings.model_copy(update={"state": state}), ordered)


@cache
def events() -> tuple[bytes, ...]:
    """A few hundred events of many orders, stages in and out of order."""
    draw = random.Random(5)
    raw = []
    for n in range(260):
        t = n * 30.0
        lines = [
            line(
                sku=f"S{k}",
                product_id=f"P{k}",
                price=f"{50 + k + draw.random():.2f}",
                quantity=draw.randint(1, 4),
            )
            for k in {draw.randint(0, 30) for _ in range(draw.randint(1, 3))}
        ]
        discounts = [{"promotion_id": f"D{draw.randint(0, 3)}", "amount": "5.00"}] if draw.random() < 0.4 else []
        channel = draw.choice(["app", "web"])
        raw.append((t, created(f"o{n}", at=t, channel=channel, line_items=lines, discounts=discounts)))
        for stage, delay in ((paid, 40), (approved, 90), (shipped, 700), (delivered, 4000)):
            if draw.random() < 0.9:
                at = t + delay * draw.lognormvariate(0, 0.4)
                held = {"line_items": lines[: n % 4]} if stage is shipped and n % 4 else {}  # all of some orders
                raw.append((at + draw.choice([0, 0, 200]), stage(f"o{n}", at=round(at, 3)) | held))
    return tuple(encoded(event) for _, event in sorted(raw, key=lambda pair: pair[0]))


def arrived(batch: Batch) -> Batch:
    """The batch as if its events had come into the log a second or two after they happened."""
    batch.arrived_ms = batch.time_ms + 500 + batch.time_ms % 1_700
    return batch


def columns_of(batches: list[Batch]) -> dict[str, list[float]]:
    """Every column of some batches, one after another."""
    out: dict[str, list[float]] = {}
    for batch in batches:
        for name, column in batch.columns.items():
            out.setdefault(name, []).extend(column.values.tolist())
            out.setdefault(f"{name}.low", []).extend(column.low.tolist())
            out.setdefault(f"{name}.high", []).extend(column.high.tolist())
        out.setdefault("overdue", []).extend(batch.overdue.deadline_ms.tolist())
        out.setdefault("latency", []).extend(batch.life.latency_seconds.tolist())
    return out


def columns_read(cuts: list[int], max_orders: int = 10_000) -> dict[str, list[float]]:
    """All columns of the events, read in pieces."""
    edges = [0, *sorted(min(cut, len(events())) for cut in cuts), len(events())]
    reader, batches = partition(max_orders), []
    for start, end in pairwise(edges):
        batch = arrived(tabulate(read(events()[start:end]).tables))
        reader.transform(batch)
        batches.append(batch)
    return columns_of(batches)


@hypothesis_settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 1200), max_size=6), max_orders=st.sampled_from([7, 10_000]))
def test_where_the_stream_is_cut_changes_no_bit_of_any_feature(cuts: list[int], max_orders: int) -> None:
    whole, pieces = columns_read([], max_orders), columns_read(cuts, max_orders)
    assert whole.keys() == pieces.keys()
    for name, values in whole.items():
        np.testing.assert_array_equal(np.array(pieces[name]), np.array(values), err_msg=name)


@pytest.mark.parametrize("name", PARTS)
def test_a_feature_says_what_it_is_and_in_which_unit(name: str) -> None:
    part = PARTS[name]
    assert part.unit
    assert part.level in {"event", "created", "line", "discount"}
    assert (part.__doc__ and part.__doc__.strip().endswith((".", ":"))) or "Parameters" in (part.__doc__ or "")


@pytest.mark.parametrize("name", PARTS)
def test_a_feature_has_one_finite_or_missing_value_a_row(name: str) -> None:
    batch = arrived(tabulate(read(events()).tables))
    partition().transform(batch)
    rows = {
        "event": len(batch),
        "created": len(batch.created),
        "line": len(batch.lines.sku),
        "discount": len(batch.discounts.promotion),
    }
    values = batch.columns[name].values
    assert len(values) == rows[PARTS[name].level]
    assert not np.isinf(values).any()
    assert np.isfinite(values).any()


def level_of(prices: list[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Deviations of prices of one key."""
    rows = Keyed(np.zeros(len(prices), np.int64), np.arange(len(prices)) == 0, 1)
    return RobustLevel(levels=1, floor=0.05, typical=0.25).follow([rows], np.log(np.array(prices))).values


def test_a_lost_digit_stands_out_and_is_not_learned() -> None:
    deviation = level_of([100.0, 102.0] * 50 + [10.0] + [100.0, 102.0] * 3)
    assert deviation[100] < -20
    assert np.abs(deviation[101:]).max() < 2


def test_a_price_change_is_adopted_after_a_dozen_sales() -> None:
    deviation = level_of([100.0, 102.0] * 50 + [200.0, 204.0] * 20)
    assert deviation[100] > 6
    assert np.abs(deviation[-20:]).max() < 2


def test_a_new_product_leans_on_its_seller() -> None:
    n = 120
    seller = Keyed(np.zeros(n, np.int64), np.arange(n) == 0, 1)
    product = Keyed(np.arange(n), np.ones(n, np.bool_), n)
    prices = np.log(np.tile([90.0, 100.0, 110.0], n // 3))
    prices[-1] = np.log(10_000.0)
    levels = RobustLevel(levels=2, floor=0.05, typical=0.25)
    deviation = levels.follow([product, seller], prices).values
    assert np.abs(deviation[40:-1]).max() < 2
    assert deviation[-1] > 6


def test_a_tail_is_the_share_that_was_as_long_whatever_the_shape() -> None:
    draw = np.random.default_rng(3)
    two_humps = np.where(
        draw.random(4_000) < 0.7, draw.normal(86_400, 6_000, 4_000), draw.normal(3 * 86_400, 9_000, 4_000)
    )
    rows, fresh, counts = np.zeros(4_001, np.int64), np.arange(4_001) == 0, np.zeros((1, BINS))
    for asked in (80_000.0, 150_000.0, 260_000.0, 600_000.0):
        counts[:] = 0.0
        x = np.append(two_humps, asked)
        tail, low, high = recent_tail(rows, fresh, x, 50.0, 2_000.0, 0.98, counts)
        assert np.isnan(tail[:50]).all()
        assert abs(tail[-1] - float(np.mean(two_humps[-2_000:] >= asked))) < 0.12
        np.testing.assert_allclose([low[-1], high[-1]], np.quantile(two_humps, [0.01, 0.99]), rtol=0.1)
        assert counts.sum() <= 2_000


def test_the_spaces_of_a_partition_are_bounded_by_the_settings() -> None:
    reader = partition(max_orders=7)
    reader.transform(tabulate(read(events()).tables))
    spaces: dict[str, Keys] = reader.spaces
    assert len(spaces["order"]) <= 7
    assert len(spaces["product"]) <= 20
