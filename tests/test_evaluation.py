"""The harness itself: faults leave real logs valid, figures are sums over labels, and whoever asks wrongly is told."""

from __future__ import annotations

import gzip
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from config.promotions import PromotionRegister
from config.settings import load
from features.event import OrderCreated, OrderPaid, decode_event
from stream.cli import main
from stream.evaluation import evaluation, faults, promotions, real, simulated, watchers
from stream.evaluation.bootstrap import Bootstrap
from stream.evaluation.catch import catches_of
from stream.evaluation.datasets.uci import Uci
from stream.evaluation.fault import Stage
from stream.evaluation.figures import ALL, Book
from stream.evaluation.history import History, text_of
from stream.evaluation.html_report import page
from stream.evaluation.plan import TUNE_SEEDS, Plan
from stream.evaluation.tally import tally
from stream.evaluation.tell import COOLDOWN_MS, Teller
from stream.evaluation.trial import DAY_MS, Trial
from stream.simulator import Label
from stream.simulator.difficulty import DIFFICULTIES, parameters_at
from stream.simulator.incidents import known, make

BEGIN_MS = round(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1_000)
HOUR_MS = 3_600_000


def life(number):
    """The five events of an order, one every ten minutes; two products, two payments now and then."""
    order, at_ms = f"o{number}", BEGIN_MS + number * 600_000
    product = f"p{number % 7}"
    price = Decimal(10 + number % 7)

    def event(stage, hours, **fields):
        occurred_at = text_of(at_ms + round(hours * HOUR_MS))
        return {"event_id": f"{order}:{stage}", "event_type": f"order.{stage}", "occurred_at": occurred_at} | (
            {"order_id": order} | fields
        )

    lines = [{"sku": product, "product_id": product, "quantity": 2, "price": f"{price:.2f}"}]
    amounts = [2 * price + 5] if number % 3 else [price, price + 5]
    payments = [
        {"payment_id": f"{order}-{i}", "method": "card", "amount": f"{amount:.2f}"} for i, amount in enumerate(amounts)
    ]
    placed = {"channel": "web", "customer_id": f"c{number}", "currency": "BRL", "line_items": lines}
    return [
        event("created", 0, total_price=f"{2 * price + 5:.2f}", total_shipping="5.00", **placed),
        event("paid", 0.1, payments=payments),
        event("approved", 0.2),
        event("shipped", 24, carrier="post", tracking_number=f"T{order}"),
        event("delivered", 120),
    ]


def history(orders=620):
    return History(event for number in range(orders) for event in life(number))


def stage(log, difficulty="medium", day=3.0):
    begins_ms = BEGIN_MS + round(day * DAY_MS)
    return Stage(log, begins_ms, begins_ms + DAY_MS, np.random.default_rng(11), difficulty)


def goods(order):
    off = sum(Decimal(discount.amount) for discount in order.discounts or ())
    return sum(Decimal(line.price) * line.quantity for line in order.line_items) - off


def by_order(lines, kind):
    found = {}
    for line in lines:
        event = decode_event(line)
        if isinstance(event, kind):
            found.setdefault(event.order_id, event)
    return found


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
@pytest.mark.parametrize("name", faults.known())
def test_a_fault_leaves_a_valid_log_in_order_and_labels_what_it_touched(name, difficulty):
    log = history()
    label = faults.known()[name]().inject(stage(log, difficulty))
    lines = log.lines(BEGIN_MS + 100 * DAY_MS)
    times = [decode_event(line).occurred_at for line in lines]
    created = by_order(lines, OrderCreated)
    assert label.incident == name
    assert all(before <= after for before, after in pairwise(times))
    assert set(label.order_ids) <= created.keys()
    assert list(label.shows_ms) == sorted(label.shows_ms)
    assert BEGIN_MS + 3 * DAY_MS <= label.starts_at_ms <= label.ends_at_ms
    assert all(goods(order) + 5 == Decimal(order.total_price) for order in created.values())
    assert lines != history().lines(BEGIN_MS + 100 * DAY_MS)


@pytest.mark.parametrize(("name", "factor"), [("price_times_ten", 10), ("price_tenth", 0.1), ("decimal_shift", 0.01)])
def test_what_is_paid_follows_a_wrong_price(name, factor):
    log = history()
    label = faults.known()[name]().inject(stage(log))
    lines = log.lines(BEGIN_MS + 100 * DAY_MS)
    created, paid = by_order(lines, OrderCreated), by_order(lines, OrderPaid)
    for order in label.order_ids:
        (line,) = created[order].line_items
        usual = 10 + int(line.product_id[1:])
        assert float(line.price) == pytest.approx(usual * factor, abs=0.005)
        assert sum(Decimal(payment.amount) for payment in paid[order].payments) == Decimal(created[order].total_price)


def test_a_gap_is_total_and_a_drop_is_not():
    for name, share in (("total_gap", 0.0), ("drop", 0.25)):
        log = history()
        label = faults.known()[name]().inject(stage(log))
        left = len(log.untouched(label.starts_at_ms, label.ends_at_ms))
        usual = (label.ends_at_ms - label.starts_at_ms) / 600_000
        assert left == pytest.approx(share * usual, abs=0.15 * usual)
        assert left == 0 or share


def test_a_fault_that_finds_no_order_is_none():
    for fault in faults.known().values():
        assert fault().inject(stage(history(20), day=60.0)) is None


def test_promotions_are_used_honestly_by_few_and_never_both():
    log = history()
    promotions.use_honestly(log, np.random.default_rng(3))
    used = [event.discounts or () for event in by_order(log.lines(log.end()), OrderCreated).values()]
    assert max(map(len, used)) == 1
    assert sum(map(len, used)) == pytest.approx(2 * promotions.USED_SHARE * len(log), rel=0.3)


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_every_incident_is_played_at_every_level(difficulty):
    played = simulated._programme(1, difficulty, ())
    assert {incident.name() for incident in played} == {name for name, one in known().items() if one.shows_in_replay}
    for name in known():
        make(name, **parameters_at(difficulty, name))


def test_another_seed_is_another_programme_and_families_choose():
    first, second = (simulated._programme(seed, "medium", ()) for seed in (1, 2))
    assert [one.name() for one in first] != [one.name() for one in second]
    assert {one.name() for one in simulated._programme(1, "medium", ("duplicate",))} == {
        "duplicate_submission",
        "reused_numbers",
    }
    assert simulated.TUNE_START != simulated.REPORT_START


ORDERS = tuple(f"o{n}" for n in range(4))
TYPO = Label(
    "typo",
    ("price.outlier",),
    (),
    "product/p1",
    BEGIN_MS + DAY_MS,
    BEGIN_MS + DAY_MS + 3 * HOUR_MS,
    ORDERS,
    tuple(BEGIN_MS + DAY_MS + n * HOUR_MS for n in range(4)),
    4_000,
)
GAP = Label("gap", ("volume.zero",), (), "overall/all", BEGIN_MS + 3 * DAY_MS, BEGIN_MS + 3 * DAY_MS + 4 * HOUR_MS)


def trial(labels=(TYPO, GAP), days=8):
    return Trial(
        source="simulator",
        level="medium",
        seed=1,
        purpose="report",
        lines=[],
        labels=list(labels),
        settings=load(),
        register=PromotionRegister({}),
        begins_ms=BEGIN_MS,
        reports_from_ms=BEGIN_MS + DAY_MS,
        ends_ms=BEGIN_MS + days * DAY_MS,
    )


def figures_of(told):
    book = Book("simulator", "medium", 7.0, {"us": [tally("us", trial(), told)]})
    return {one.of: one for one in book.by_family()}


def test_who_tells_nothing_catches_nothing_and_has_no_precision():
    lines = figures_of([])
    assert (lines[ALL].recall.value, lines[ALL].precision.value) == (0.0, None)
    assert lines[ALL].loss_prevented.value == 0.0
    assert lines[ALL].recall.high > 0.5  # two labels prove little


def test_delays_and_losses_are_those_of_the_first_alert():
    teller = Teller(9, 9)
    teller.tell("price.outlier", "product", "p1", TYPO.starts_at_ms + HOUR_MS, ["o1"])
    teller.tell("volume.zero", "shop", "all", GAP.starts_at_ms + HOUR_MS)
    teller.tell("price.outlier", "product", "p2", GAP.starts_at_ms, ["o9"])
    lines = figures_of(teller.alerts)
    assert (lines[ALL].recall.value, lines[ALL].true_alerts, lines[ALL].false_alerts) == (1.0, 2, 1)
    assert (lines["price"].delay_seconds.value, lines["price"].delay_orders.value) == (3_600.0, 2.0)
    assert lines["price"].loss_prevented.value == 0.5  # two of four orders were still to come
    assert lines["price"].precision.value == 0.5
    assert lines[ALL].false_a_day.value == pytest.approx(1 / 7, abs=1e-3)


def test_what_is_told_while_training_does_not_count():
    teller = Teller(9, 9)
    teller.tell("price.outlier", "product", "p2", BEGIN_MS + HOUR_MS, ["o9"])
    assert figures_of(teller.alerts)[ALL].false_alerts == 0


def test_silence_catches_no_surge_and_nobody_catches_after_it_helps():
    surge = Label("surge", ("volume.surge",), (), "overall/all", 0, 1_000)
    catches = catches_of("simulator")
    assert not catches(surge, "volume.zero", 500)
    assert catches(surge, "volume.surge", 500)
    assert not catches(surge, "volume.surge", 13 * HOUR_MS)
    assert catches_of("olist")(surge, "volume.surge", 13 * HOUR_MS)


def test_a_budget_is_kept_within_any_day_and_a_cooldown_is_silent():
    teller = Teller(unnamed_per_day=3, per_day=1)
    told = [teller.tell("any.odd", "order", f"o{n}", n * HOUR_MS, [f"o{n}"]) for n in range(30)]
    assert [n for n, was in enumerate(told) if was] == [0, 1, 2, 24, 25, 26]
    assert teller.tell("volume.surge", "shop", "all", 0)
    assert not teller.tell("volume.surge", "shop", "all", COOLDOWN_MS - 1)


def test_the_bootstrap_covers_a_known_share_and_a_known_median():
    rng = np.random.default_rng(8)
    inside = 0
    for _ in range(60):
        days = [day for day in range(40) for _ in range(5)]
        hits = (rng.random(200) < 0.8).tolist()
        interval = Bootstrap(range(40)).share(days, hits)
        inside += interval.low <= 0.8 <= interval.high
    assert inside >= 51
    median = Bootstrap(range(40)).median(list(range(40)), [float(day) for day in range(40)])
    assert median.value == 19.5
    assert 10 < median.low < median.value < median.high < 30


def wholesale(path, invoices=800):
    """A file as the wholesaler's: an invoice every half hour, of a few products whose prices hardly move."""
    rng = np.random.default_rng(2)
    records = [
        {
            "order_id": f"{n}",
            "kind": "order",
            "customer_id": f"c{rng.integers(400)}",
            "country": "United Kingdom",
            "ts": text_of(BEGIN_MS + n * HOUR_MS // 2)[:-1],
            "lines": [
                [f"s{p}", int(rng.integers(1, 9)), round(2.0 + p + float(rng.random()) / 10, 2)]
                for p in rng.choice(20, 3, replace=False).tolist()
            ],
        }
        for n in range(invoices)
    ]
    path.write_bytes(gzip.compress(b"\n".join(map(msgspec.json.encode, records))))
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """An evaluation of such a file alone, by everybody."""
    folder = tmp_path_factory.mktemp("data")
    wholesale(folder / Uci.file)
    plan = Plan(seeds=(1,), data=folder, quick=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "_sources", lambda plan: [("uci", evaluation._real(plan, "uci", folder / Uci.file))])
        steps = []
        made = evaluation.evaluate(plan, lambda what, done, total: steps.append((what, done, total)))
    assert [done for _, done, _ in steps] == list(range(steps[0][2]))
    return made


def test_everybody_reads_the_same_orders_and_we_come_first(report):
    everybody = [name for name, watcher in watchers.known().items() if watcher.is_installed()]
    assert set(report.titles) == set(everybody)
    assert next(iter(report.titles)) == report.ours
    of_all = {one.watcher: one for one in report.families if one.of == ALL}
    assert len({one.labels for one in of_all.values()}) == 1
    assert of_all[report.ours].labels >= 20
    assert of_all[report.ours].recall.value > 0.5
    assert of_all[report.ours].recall.low < of_all[report.ours].recall.value
    assert report.spans[0].trains_from < report.spans[0].counts_from < report.spans[0].until


def test_the_same_seed_gives_the_same_trial(tmp_path):
    path = wholesale(tmp_path / Uci.file, 600)
    settings = real.settings_of(Uci, 20)
    first, again, other = (real.trial("uci", Uci, path, seed, "medium", "report", settings) for seed in (1, 1, 2))
    assert (first.lines, first.labels) == (again.lines, again.labels)
    assert first.labels != other.labels
    tuned = real.trial("uci", Uci, path, 1, "medium", "tune", settings)
    assert tuned.ends_ms <= first.reports_from_ms
    assert all(label.starts_at_ms < tuned.ends_ms for label in tuned.labels)


class Tags(HTMLParser):
    """Checks that every tag is closed in its turn, and keeps what there was."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(report):
    html = page(report)
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert tags.seen.count("svg") >= 3
    assert not re.search(r"<script|https?:|src=|@import|url\(", html)
    assert all(title in html for title in report.titles.values())


def test_the_page_begins_with_a_line_a_source_and_links_to_its_figures(report):
    html = page(report)
    glance = html.partition("At a glance")[2].partition("What is aimed at")[0]
    linked = re.findall(r'href="#([^"]+)"', glance)
    assert linked
    assert all(f'<h2 id="{place}">' in html for place in linked)
    assert not any(f"beside {name}<" in html for name in report.titles if name != report.titles[name])


def test_the_report_is_json_with_every_label_that_was_missed(report):
    read = msgspec.json.decode(msgspec.json.encode(report))
    ours = next(one for one in read["families"] if one["watcher"] == "orderwatch" and one["of"] == "all")
    assert ours["labels"] - ours["caught"] == len(read["missed"])
    assert {"seeds", "trains_from", "counts_from", "until"} <= read["spans"][0].keys()


def test_the_tables_say_whose_orders_and_what_was_missed(report, capsys):
    from rich.console import Console

    from stream.cli.evaluate_view import show

    show(Console(width=80), report)
    printed = capsys.readouterr().out
    assert "uci, medium" in printed
    assert all(title in printed for title in report.titles.values())
    assert "…" not in printed.split("What orderwatch missed")[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--families", "prise"], "--families: unknown family 'prise' (did you mean 'price'?)"),
        (["--difficulty", "brutal"], "--difficulty: unknown level 'brutal'"),
        (["--seeds", "many"], "--seeds: 'many' is neither a number nor a range such as 9001-9003"),
        (["--seeds", "5-1"], "--seeds: '5-1' must rise, and by less than 100"),
        (["--seeds", str(TUNE_SEEDS[0])], f"--seeds: {TUNE_SEEDS[0]} is a seed that thresholds are tuned on"),
        (["--budget", "-1"], "--budget -1: must be at least 0"),
        (["--data", "no-such-folder"], "--data no-such-folder: is no folder"),
        (["--html", "no-such-folder/report.html"], "there is no folder"),
    ],
)
def test_a_wrong_argument_is_one_line_before_any_work(arguments, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["orderwatch", "evaluate", *arguments])
    monkeypatch.delenv("ORDERWATCH_DATA", raising=False)
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert said in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)
