"""A backtest runs history through the whole pipeline twice, and says what a change of the settings would have done."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from config.promotions import PromotionRegister
from config.settings import load
from stream.backtest.comparison import changes, compare
from stream.backtest.episode import Episode
from stream.backtest.html import html
from stream.backtest.labelled import held_against, name_of, read_labels
from stream.backtest.markdown import markdown
from stream.backtest.matching import match
from stream.backtest.proportion import Proportion
from stream.backtest.run import HistoryUnusable, Period, run
from stream.cli import backtest as command
from stream.cli import main
from stream.replay import replay
from stream.simulator import SimulatorSettings, promotions_of, simulate
from stream.simulator.incidents import make

SHOP = SimulatorSettings(
    duration_seconds=7_200.0,
    orders_per_second=0.3,
    incidents=(
        make("promotion_stacking", after_seconds=3_600.0, duration_seconds=1_800.0, orders=60),
        make("malformed", after_seconds=1_800.0, duration_seconds=600.0),
        make("duplicate_submission", after_seconds=5_400.0, duration_seconds=1_200.0),
    ),
)
REGISTER = PromotionRegister.parse(promotions_of(SHOP))
FIRST_HOUR = Period(SHOP.start_ms, SHOP.start_ms + 3_600_000)
SECOND_HOUR = Period(SHOP.start_ms + 3_600_000, SHOP.end_ms)
WITHOUT_DUPLICATES = {"rules": {"duplicate_order": {"on": False}}}


@pytest.fixture(scope="module")
def history():
    simulation = simulate(SHOP)
    return [event.value for event in simulation], simulation


@pytest.fixture(scope="module")
def lines(history):
    return history[0]


@pytest.fixture(scope="module")
def labels(history):
    return history[1].labels


@pytest.fixture(scope="module")
def whole(lines):
    return run(lines, load(), REGISTER)


@pytest.fixture(scope="module")
def changed(lines):
    return run(lines, load(**WITHOUT_DUPLICATES), REGISTER)


@pytest.fixture(scope="module")
def found(whole, changed, labels):
    return compare(whole, changed, Period(), (load(), load(**WITHOUT_DUPLICATES)), labels)


def marks(episodes):
    return [(one.fingerprint, one.fired_ms) for one in episodes]


def test_a_run_fires_the_alerts_of_a_replay(lines, whole):
    told = []
    summary = replay(lines, load(), REGISTER, told.append)
    assert sorted(one.firing for one in whole.episodes) == sorted(a.data for a in told if a.transition == "firing")
    assert len(whole.episodes) == whole.summary.alerts == summary.alerts > 0
    ends = {(alert.fingerprint, alert.time_ms) for alert in told if alert.transition == "resolved"}
    assert {(one.fingerprint, one.ended_ms) for one in whole.episodes if one.ended_ms < whole.ended_ms} == ends


def test_loss_and_count_are_those_last_told(lines, whole):
    told = []
    replay(lines, load(), REGISTER, told.append)
    last = {alert.fingerprint: json.loads(alert.data)["data"] for alert in told}
    stacking = next(one for one in whole.episodes if one.kind == "promotion.exclusive_pair")
    assert stacking.count == last[stacking.fingerprint]["count"] > 1
    assert stacking.loss == Decimal(last[stacking.fingerprint]["impact"]["loss"]) > 0


@pytest.mark.parametrize("period", [FIRST_HOUR, SECOND_HOUR])
def test_what_comes_before_the_period_is_learned_from_and_its_alerts_are_those_of_the_whole(lines, whole, period):
    part = run(lines, load(), REGISTER, period)
    expected = [one for one in whole.episodes if period.holds(one.fired_ms)]
    assert marks(part.episodes) == marks(expected)
    assert expected


def test_nothing_is_read_long_after_the_period(lines):
    read = []
    settings = load(kafka={"max_poll_records": 100})
    run((read.append(line) or line for line in lines), settings, REGISTER, FIRST_HOUR)
    assert len(lines) / 4 < len(read) < 3 * len(lines) / 4


def test_refusals_of_the_budget_are_counted_in_the_period_alone(lines):
    tight = load(alerts={"budget_per_day": 1}, kafka={"max_poll_records": 200})
    whole, second = run(lines, tight, REGISTER), run(lines, tight, REGISTER, SECOND_HOUR)
    assert whole.held_back == whole.summary.held_back
    assert 0 < sum(second.held_back.values()) < sum(whole.held_back.values())


def test_the_same_settings_change_nothing(whole, labels):
    same = compare(whole, whole, Period(), (load(), load()), labels)
    assert (same.alerts.added, same.alerts.removed, same.changes) == ((), (), ())
    assert [one for one, other in same.alerts.unchanged if one is other] == list(whole.episodes)
    assert same.newly_caught == same.newly_missed == []


def test_a_rule_that_is_turned_off_takes_away_its_alerts_and_no_others(whole, found):
    theirs = [one for one in whole.episodes if one.kind == "duplicate.order"]
    assert marks(found.alerts.removed) == marks(theirs)
    assert found.alerts.added == ()
    assert len(found.alerts.unchanged) == len(whole.episodes) - len(theirs)
    assert found.count("duplicate") == (0, len(theirs), 0)
    assert [(one.path, one.old, one.new) for one in found.changes] == [("rules.duplicate_order.on", "True", "False")]


def test_what_it_caught_alone_is_newly_missed(found, labels):
    duplicates = [label for label in labels if "duplicate.order" in label.kinds]
    assert found.newly_missed == sorted(map(name_of, duplicates))
    assert found.newly_caught == []
    old, new = found.old.labelled, found.new.labelled
    assert old.recall.hits - new.recall.hits == len(duplicates) > 0
    assert old.recall.n == new.recall.n == len(labels)
    assert old.loss_minor == new.loss_minor == sum(label.loss_minor for label in labels)
    assert old.loss_caught_minor - new.loss_caught_minor == sum(label.loss_minor for label in duplicates)


def test_alerts_without_an_incident_lower_precision_each_by_one(whole, labels):
    known = held_against(labels, whole.episodes, Period())
    nothing = held_against([], whole.episodes, Period())
    assert nothing.precision == Proportion(0, len(whole.episodes))
    assert nothing.recall == Proportion(0, 0)
    assert known.precision.hits == len(whole.episodes) - len(known.false) > 0


def test_an_incident_counts_where_it_began_and_explains_alerts_beyond(whole, labels):
    second = [one for one in whole.episodes if SECOND_HOUR.holds(one.fired_ms)]
    assert held_against(labels, second, SECOND_HOUR).recall.n == len(labels) - 1
    assert held_against(labels, whole.episodes, FIRST_HOUR).recall == Proportion(1, 1)


def test_a_period_that_history_does_not_reach_is_refused(whole):
    with pytest.raises(HistoryUnusable, match=r"no event from 2026-03-05 00:00 .* run from 2026-03-02 16:00"):
        compare(whole, whole, Period(begin_ms=1_772_668_800_000), (load(), load()))


def test_secrets_are_not_among_the_changes():
    (found,) = changes(load(redis={"password": "one"}), load(redis={"password": "one"}, alerts={"max_order_ids": 3}))
    assert (found.path, found.old, found.new) == ("alerts.max_order_ids", "20", "3")


# --- which alerts are the same ---


def episode(begin, end, fingerprint="f", summary=""):
    return Episode(
        fingerprint, "price.outlier", "high", "product/p", "risk", summary, begin, end, 1, Decimal(0), "", b""
    )


@st.composite
def episodes_of_a_run(draw):
    """Alerts of two conditions; those of one follow each other, as they do in a run."""
    found = []
    for fingerprint in "fg":
        ends = sorted(draw(st.sets(st.integers(0, 30), max_size=8)))
        found += [episode(a, b, fingerprint) for a, b in list(pairwise(ends))[::2]]
    return draw(st.permutations(found))


def meet(one, other):
    apart = one.ended_ms < other.fired_ms or other.ended_ms < one.fired_ms
    return one.fingerprint == other.fingerprint and not apart


def most_pairs(old, new):
    """Size of the largest matching, by augmenting paths."""
    partner = {}

    def augment(i, seen):
        for j in (j for j, other in enumerate(new) if meet(old[i], other) and j not in seen):
            seen.add(j)
            if j not in partner or augment(partner[j], seen):
                partner[j] = i
                return True
        return False

    return sum(augment(i, set()) for i in range(len(old)))


@given(episodes_of_a_run(), episodes_of_a_run())
def test_every_alert_is_in_one_pair_at_most_and_there_are_as_many_pairs_as_can_be(old, new):
    found = match(old, new)
    assert all(meet(one, other) for one, other in found.unchanged)
    same_old, same_new = ([id(pair[side]) for pair in found.unchanged] for side in (0, 1))
    assert sorted([*same_old, *map(id, found.removed)]) == sorted(map(id, old))
    assert sorted([*same_new, *map(id, found.added)]) == sorted(map(id, new))
    assert len(found.unchanged) == most_pairs(old, new)


@given(episodes_of_a_run(), episodes_of_a_run())
def test_the_way_back_adds_what_the_way_there_removed(old, new):
    there, back = match(old, new), match(new, old)
    assert (there.added, there.removed) == (back.removed, back.added)
    assert {(id(b), id(a)) for a, b in there.unchanged} == {(id(a), id(b)) for a, b in back.unchanged}


# --- intervals ---


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_wilson_s(counted):
    hits, n = counted
    found, expected = Proportion(hits, n), binomtest(hits, n).proportion_ci(method="wilson")
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)
    assert 0.0 <= found.low <= found.share <= found.high <= 1.0


def test_of_nothing_counted_nothing_is_known():
    none = Proportion(0, 0)
    assert (none.share, none.low, none.high) == (None, 0.0, 1.0)


# --- reports ---

HOSTILE = "<script>alert(1)</script> | <img src=x> [a](b) `c`\n## d"


class Tags(HTMLParser):
    """Which elements and attributes there are, and that all that opens is closed."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.open = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in {"meta", "line", "circle", "path", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in {"circle", "line", "path", "rect"}:
            assert self.open.pop() == tag


def hostile(found):
    """The same comparison, with an alert whose text tries to be more than text."""
    alerts = replace(found.alerts, added=(episode(found.period.begin_ms, found.period.end_ms, summary=HOSTILE),))
    family = {"price": 1, **found.new.by_family}
    return replace(found, alerts=alerts, new=replace(found.new, by_family=family))


def test_the_page_needs_no_other_file_and_takes_no_text_for_markup(found):
    page, tags = html(hostile(found)), Tags()
    tags.feed(page)
    assert tags.open == []
    assert not {"script", "img", "link", "iframe"} & tags.tags
    assert not {"src", "href", "onload", "onclick"} & tags.attributes
    assert page.count("<svg") == 3
    assert "&lt;script&gt;alert(1)" in page


def test_a_table_of_markdown_keeps_its_columns_whatever_an_order_says(found):
    text = markdown(hostile(found))
    rows = [line.replace(r"\|", "") for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") - 1 for line in rows} == {3, 4, 5}
    assert "<script" not in text
    assert "\n## d" not in text


def test_both_reports_say_the_figures(found):
    for text in (markdown(found), html(found)):
        assert f"{len(found.alerts.removed)} removed" in text
        assert str(found.old.labelled.recall) in text
        assert found.newly_missed[0].replace("_", "\\_" if text.startswith("##") else "_") in text


# --- the command ---


@pytest.fixture(scope="module")
def files(tmp_path_factory, lines, labels):
    folder = tmp_path_factory.mktemp("history")
    (folder / "orders.jsonl").write_bytes(b"\n".join(lines))
    (folder / "labels.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, labels)))
    (folder / "register.yaml").write_text(json.dumps(promotions_of(SHOP)))
    (folder / "new.yaml").write_text("rules: {duplicate_order: {on: false}}")
    return folder


@pytest.fixture
def call(monkeypatch, capsys, files):
    """Run the command in the folder of the files; give its exit code, output and messages."""
    monkeypatch.chdir(files)

    def run_command(*arguments):
        monkeypatch.setattr(sys, "argv", ["orderwatch", "backtest", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run_command


USUAL = ("orders.jsonl", "--rules", "new.yaml", "--promotions", "register.yaml", "--labels", "labels.jsonl")


def test_the_command_prints_and_writes_what_it_found(call, files, found):
    code, out, _ = call(*USUAL, "--markdown", "report.md", "--html", "report.html")
    assert code == 0
    assert f"{len(found.alerts.removed)} removed" in out
    assert "newly missed: duplicate_submission" in out
    assert (files / "report.md").read_text() == markdown(found)
    assert (files / "report.html").read_text() == html(found)


def told(out):
    found = json.loads(out)
    for side in ("old", "new"):
        del found[side]["summary"]["seconds"]
    return found


def test_two_processes_and_standard_input_give_the_same(call, files, monkeypatch, found):
    code, out, _ = call(*USUAL, "--json")
    assert code == 0
    assert len(told(out)["removed"]) == len(found.alerts.removed)
    monkeypatch.setattr(command, "_WORTH_A_PROCESS_BYTES", 0)
    monkeypatch.setattr(command.os, "cpu_count", lambda: 2)
    with Path("orders.jsonl").open() as orders:
        monkeypatch.setattr(sys, "stdin", orders)
        code, piped, _ = call("-", *USUAL[1:], "--json")
    assert code == 0
    assert told(piped) == told(out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.jsonl", "--rules", "new.yaml"], ["nowhere.jsonl", "No such file"]),
        (["orders.jsonl", "--rules", "nowhere.yaml"], ["nowhere.yaml", "No such file"]),
        ([*USUAL[:3], "--from", "yesterday"], ["--from", "'yesterday'", "2026-03-02"]),
        ([*USUAL[:3], "--from", "2026-03-03", "--to", "2026-03-02"], ["2026-03-03", "ends before it begins"]),
        ([*USUAL[:3], "--from", "2027-01-01"], ["orders.jsonl", "2027-01-01", "2026-03-02 16:00", "--from"]),
        ([*USUAL[:3], "--labels", "orders.jsonl"], ["orders.jsonl", "line 1 is no label"]),
        (["labels.jsonl", "--rules", "new.yaml"], ["labels.jsonl", "none of the first 4 lines is an order event"]),
        ([*USUAL[:3], "--to", "2026-03-02T16:10", "--html", "no/report.html"], ["no/report.html", "cannot be written"]),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_one_line(call, arguments, words):
    code, _, err = call(*arguments)
    assert code == 2
    assert err.count("\n") == 1
    assert [word for word in words if word not in err] == []


def test_labels_are_read_back_as_they_were_written(labels):
    assert read_labels(map(msgspec.json.encode, labels), "labels") == labels
