"""What the clock and the calendar of a business make normal, and how a lasting change becomes so."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from config.calendar import Calendar
from config.errors import ConfigRefused
from config.policy import Policy
from config.promotions import PromotionRegister
from config.settings import load
from features.batch import Keyed
from features.business_time import hour_of_week
from features.keys import Keys
from features.robust_level import RobustLevel
from features.text import Text
from models.examples import created, encoded, line
from models.open_panes import Counted
from models.volume import SeasonalVolume
from models.volume_clock import BusinessClock
from models.volume_count import VolumeCount
from models.volumes.all_orders import AllOrders
from stream.incidents import Incidents
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from stream.replay import replay

DAY, MINUTE_MS, DAY_MS = 1440, 60_000, 86_400_000
HOURS = np.array([3, 2, 1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 8, 9, 9, 9, 9, 8, 7, 8, 8, 8, 8, 6])
NONE = PromotionRegister({})


def usual(days, per_minute=20.0, seed=1):
    """Orders of each minute from 1970 on, negative binomial with the variance of a real shop."""
    shape = np.interp((np.arange(days * DAY) % DAY) / 60, np.arange(-0.5, 25), np.r_[HOURS[-1], HOURS, HOURS[0]])
    mean = per_minute * shape / HOURS.mean()
    return mean, lambda changed: np.random.default_rng(seed).negative_binomial(changed / 1.25, 1 / 2.25)


def series(calendar=Calendar(()), promotions=NONE):  # noqa: B008  # frozen
    baseline = SeasonalVolume()
    return VolumeCount(0, "all_orders", 1.0, AllOrders(), baseline, Keys("shop", 10), promotions, calendar)


def verdicts(volume, counts, first=0):
    panes = np.flatnonzero(counts) + first
    keys = Text.of(["all"]).take(np.zeros(len(panes), np.int64))
    counted = Counted(keys, panes, counts[panes - first].astype(np.int64))
    return volume.close(first + len(counts) - 1, counted, MINUTE_MS, 0)


def sale(times, days=18, **plans):
    """A sale in the sixteenth day, from ten to four."""
    mean, draw = usual(days)
    mean[15 * DAY + 600 : 15 * DAY + 960] *= times
    return verdicts(series(**plans), draw(mean))


SALE = Calendar.parse({"days": [{"date": "1970-01-16", "name": "sale", "most": 3}]}, "UTC")
PLAN = PromotionRegister.parse(
    {
        "promotions": [
            {
                "promotion_id": "P1",
                "starts_at": "1970-01-16T10:00:00Z",
                "ends_at": "1970-01-16T16:00:00Z",
                "expected_orders_per_hour": 3 * 60 * 20 * 1.6,
            }
        ]
    }
)


@pytest.mark.parametrize("plans", [{"calendar": SALE}, {"promotions": PLAN}], ids=["calendar", "promotion"])
def test_a_registered_sale_of_three_times_the_orders_is_no_anomaly_and_nine_times_is(plans):
    assert sale(3.0, **plans) == []
    found = sale(9.0, **plans)
    assert {verdict.kind for verdict in found} == {"volume.surge"}
    assert found[0].time_ms < 15 * DAY_MS + 10.5 * 3_600_000
    assert all(verdict.signals[0].observed > verdict.signals[0].high for verdict in found)
    assert all(verdict.signals[0].contribution == verdict.score for verdict in found)


def test_the_same_sale_is_an_anomaly_where_nobody_registered_it():
    assert sale(3.0)
    assert sale(3.0, calendar=Calendar.parse({"days": [{"date": "1970-01-17", "most": 3}]}, "UTC"))


def long_sale(days, after=1.0):
    """Orders of each minute with a sale of some days that triples them from the sixteenth day on, and its plans."""
    mean, draw = usual(16 + days + 6)
    mean[15 * DAY : (15 + days) * DAY] *= 3
    mean[(15 + days) * DAY :] *= after
    dates = [f"1970-01-{16 + day}" for day in range(days)]
    calendar = Calendar.parse({"days": [{"date": date, "most": 3} for date in dates]}, "UTC")
    ends = f"1970-01-{16 + days}T00:00:00Z"
    entry = {"promotion_id": "P1", "starts_at": f"{dates[0]}T00:00:00Z", "ends_at": ends}
    plan = PromotionRegister.parse({"promotions": [entry | {"expected_orders_per_hour": 2 * 60 * 20 * 1.6}]})
    return draw(mean), {"calendar": calendar}, {"promotions": plan}


@pytest.mark.parametrize("days", [1, 4])
def test_the_end_of_a_registered_sale_is_no_drop_though_the_sale_had_become_usual(days):
    counts, *plans = long_sale(days)
    assert [verdicts(series(**plan), counts) for plan in plans] == [[], []]
    if days > 2:
        assert {one.kind for one in verdicts(series(), counts)} >= {"volume.drop"}


def test_after_a_long_sale_a_shop_that_sells_nothing_is_told_all_the_same():
    counts, *plans = long_sale(4, after=0.001)
    for plan in plans:
        assert {one.kind for one in verdicts(series(**plan), counts)} >= {"volume.zero", "volume.drop"}


def test_a_holiday_with_a_third_of_the_orders_is_no_anomaly_and_silence_is():
    holiday = Calendar.parse({"days": [{"date": "1970-01-16", "least": 0.2}]}, "UTC")
    mean, draw = usual(18)
    mean[15 * DAY : 16 * DAY] *= 0.3
    assert verdicts(series(holiday), draw(mean)) == []
    assert verdicts(series(), draw(mean))
    mean[15 * DAY + 600 : 16 * DAY] = 0.001
    assert {verdict.kind for verdict in verdicts(series(holiday), draw(mean))} == {"volume.zero", "volume.drop"}


def test_a_date_is_a_day_of_the_shop_s_own_clock_of_23_or_25_hours_where_the_clocks_change():
    days = [{"date": date, "most": 2} for date in ("2024-03-31", "2024-10-27", "2024-06-01")]
    hours = [(day.ends_ms - day.starts_ms) / 3_600_000 for day in Calendar.parse({"days": days}, "Europe/Berlin").days]
    assert hours == [23, 25, 24]


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ({"most": 3}, "give a date, or both starts_at and ends_at"),
        ({"date": "2026-01-01", "name": "New Year"}, "New Year: give least .below 1. or most"),
        ({"date": "2026-01-01", "least": 2}, "least = 2: must be less than or equal to 1"),
        ({"date": "yesterday", "most": 2}, "date = 'yesterday'"),
        ({"date": "2026-01-01", "factor": 2}, "unknown key 'factor'"),
        ({"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z", "most": 2}, "must be after"),
    ],
)
def test_a_calendar_that_is_wrong_is_refused_in_one_line(tmp_path, day, words):
    path = tmp_path / "calendar.yaml"
    path.write_bytes(msgspec.yaml.encode({"days": [day]}))
    with pytest.raises(ConfigRefused, match=words) as caught:
        Calendar.load(path, "UTC")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_date_that_is_none_is_one_line_too(tmp_path):
    path = tmp_path / "calendar.yaml"
    path.write_text("days: [{date: 2026-13-11, most: 5}]")
    with pytest.raises(ConfigRefused, match=r"calendar.yaml: month must be in 1..12"):
        Calendar.load(path, "UTC")


def test_the_settings_name_a_calendar_and_the_pipeline_reads_it(tmp_path):
    path = tmp_path / "calendar.yaml"
    path.write_text("days:\n  - {date: 2026-11-11, most: 5}\n  - {date: 2026-11-12}\n")
    with pytest.raises(ConfigRefused, match=r"days\.1"):
        Pipeline(load(time={"calendar_file": str(path)}), partitions=1)
    path.write_text("days:\n  - {date: 2026-11-11, most: 5}\n")
    Pipeline(load(time={"calendar_file": str(path)}), partitions=1)


# daylight saving ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("month", "change"), [(3, datetime(2024, 3, 31)), (10, datetime(2024, 10, 27))])  # noqa: DTZ001  # of the wall clock
def test_neither_change_of_the_clock_raises_anything_in_the_shop_s_own_zone(month, change):
    zone = "Europe/Berlin"
    start = int(datetime(2024, month, 1, tzinfo=UTC).timestamp()) // 60
    days = change.day + 12
    hours, gone = BusinessClock(zone).hours(start, start + days * DAY)
    mean = 20.0 * np.interp(hours % 24 + gone, np.arange(-0.5, 25), np.r_[HOURS[-1], HOURS, HOURS[0]]) / HOURS.mean()
    counts = np.random.default_rng(3).negative_binomial(mean / 1.25, 1 / 2.25)
    panes = np.arange(start, start + len(counts))
    volume = SeasonalVolume(business_timezone=zone)
    assert len(volume.close(int(panes[-1]), np.zeros(len(panes), np.int64), panes, counts)) == 0


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns", "UTC"])
def test_the_hour_of_the_week_is_that_of_the_wall_clock_through_a_whole_year(zone):
    from zoneinfo import ZoneInfo

    begin = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
    times = np.arange(begin, begin + 366 * DAY_MS, 900_000)
    local = [datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)) for ms in times.tolist()]
    expected = np.array([moment.weekday() * 24 + moment.hour for moment in local])
    assert np.array_equal(hour_of_week(times, zone), expected)
    clock = BusinessClock(zone, pane_seconds=900)
    assert np.array_equal(clock.hours(begin // 900_000, begin // 900_000 + len(times))[0], expected)


# a lasting change -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [3.0, 0.3])
def test_a_lasting_volume_is_told_once_and_adopted_within_three_days(times):
    mean, draw = usual(26)
    shift = 14 * DAY + 600
    mean[shift:] *= times
    found = verdicts(series(), draw(mean))
    assert found
    assert min(one.time_ms for one in found) >= shift * MINUTE_MS
    assert max(one.time_ms for one in found) < (shift + 3 * DAY) * MINUTE_MS
    settings = load()
    incidents = Incidents(settings.alerts, Policy.load(None).answer)
    told = list(incidents.take(found, 26 * DAY_MS))
    fired = [one.incident.head.kind for one in told if one.transition == "firing"]
    assert fired == [("volume.surge" if times > 1 else "volume.drop")]


def test_a_lasting_price_is_told_once_and_adopted_within_a_dozen_sales():
    events = [
        created(
            f"o{n}",
            at=60 * n,
            customer_id=f"c{n}",
            line_items=[
                line(product_id=f"P{n % 5}", sku=f"S{n % 5}", price=f"{price(n):.2f}", unit_cost="10.00"),
            ],
            total_price=f"{price(n) + 10:.2f}",
        )
        for n in range(3_000)
    ]
    pipeline = Pipeline(load(), partitions=1)
    records = [StoredRecord(encoded(event), b"k", offset) for offset, event in enumerate(events)]
    alerts = [*pipeline.process(0, records, wait=False).alerts, *pipeline.finish().alerts]
    told = [msgspec.json.decode(alert.data)["data"] for alert in alerts if alert.kind.startswith("price.")]
    last = [one for one in told if one["status"] == "resolved"]
    assert [one["entity"]["key"] for one in told if one["status"] == "firing"].count("P3") == 1
    assert {one["entity"]["key"] for one in told} == {"P3"}
    assert sum(one["count"] for one in last) <= 12


def price(n):
    """Each product costs a hundred or so; from the two thousandth order on P3 costs three and a half times as much."""
    usual_price = 100.0 + n % 7
    return usual_price * 3.5 if n >= 2_000 and n % 5 == 3 else usual_price


# cold start -----------------------------------------------------------------------------------------------------


def test_a_cold_start_says_how_far_each_part_is_until_it_has_an_opinion():
    pipeline = Pipeline(load(), partitions=1)
    assert str(pipeline.warming_up["all_orders"]) == "0 of 24 hours"
    assert str(pipeline.warming_up["price_outlier"]) == "0 of 200 scores"
    events = [created(f"o{n}", at=60 * n, customer_id=f"c{n}") for n in range(60 * 26)]
    records = [StoredRecord(encoded(event), b"k", offset) for offset, event in enumerate(events)]
    pipeline.process(0, records[: 60 * 13 + 10], wait=False)
    assert str(pipeline.warming_up["all_orders"]) == "12 of 24 hours"  # what is not settled is not learned
    assert str(pipeline.warming_up["product_orders"]) == "13 of 24 hours"
    assert "price_outlier" not in pipeline.warming_up
    pipeline.process(0, records[60 * 13 + 10 :], wait=False)
    assert pipeline.warming_up.keys().isdisjoint({"all_orders", "channel_orders", "product_orders", "customer_orders"})


def test_a_replay_says_what_had_no_opinion():
    summary = replay([encoded(created(f"o{n}", at=60 * n)) for n in range(90)], load())
    assert summary.warming_up["all_orders"] == "0 of 24 hours"
    assert summary.warming_up["half_space_trees"].endswith("of 200 scores")


def test_what_was_never_seen_borrows_from_its_parent_and_that_from_its_own():
    level = RobustLevel(levels=3, floor=0.05, typical=0.25)
    rng = np.random.default_rng(2)
    n = 400
    product = Keyed(np.arange(n) % 40, np.arange(n) < 40, 60)
    seller = Keyed(np.arange(n) % 4, np.arange(n) < 4, 10)
    channel = Keyed(np.zeros(n, np.int64), np.arange(n) == 0, 1)
    prices = np.log(100.0 * (1 + seller.rows)) + rng.normal(0, 0.1, n)
    level.follow([product, seller, channel], prices)

    def first_sale(seller_row, price, *, new_seller=False):
        product_row, fresh = np.array([50]), np.ones(1, np.bool_)
        sold_by = Keyed(np.array([seller_row]), np.array([new_seller]), 10)
        whole = Keyed(np.zeros(1, np.int64), np.zeros(1, np.bool_), 1)
        return abs(level.follow([Keyed(product_row, fresh, 60), sold_by, whole], np.log([price])).values[0])

    assert first_sale(3, 400.0) < 2  # usual for this seller
    assert first_sale(3, 40_000.0) > 6  # a hundred times as much is not, at its very first sale
    assert first_sale(0, 400.0) > first_sale(3, 400.0)
    assert first_sale(7, 250.0, new_seller=True) < 2  # a new seller is judged by the channel
    assert first_sale(8, 250_000.0, new_seller=True) > 6
