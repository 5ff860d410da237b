"""An evaluation as one HTML file: plots, tables, what was missed. It loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Final

from stream.evaluation.bootstrap import Estimate
from stream.evaluation.figures import ALL, Figures
from stream.evaluation.html_overview import anchor, goals, overview
from stream.evaluation.html_table import interval_text, number, percent, span, table
from stream.evaluation.report import Report
from stream.evaluation.svg import Point, Row, dot_plot, legend
from stream.evaluation.targets import PRECISION, RECALL

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1c2127;--soft:#5d6670;--line:#d9dee4;--band:#f5f7f9;--page:#fff;--good:#2f7d32;
--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e4e7eb;--soft:#9aa4af;--line:#39424c;--band:#1d232a;--page:#14181d;
--good:#7fc983;--bad:#ff8a80}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:72rem;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2.4rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.4rem 0 .3rem}p{margin:.4rem 0}.soft{color:var(--soft)}
table{border-collapse:collapse;font-size:.86rem;font-variant-numeric:tabular-nums;margin:.6rem 0}
.wide{overflow-x:auto}th{text-align:right;font-weight:600;color:var(--soft)}td{text-align:right}
th,td{padding:.18rem .45rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}.text{text-align:left}
.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
svg{width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .tick{fill:var(--soft)}
svg .grid{stroke:var(--line)}svg .goal{stroke:var(--bad);stroke-dasharray:5 4}svg .band{fill:var(--band)}
.key{width:13px;height:13px;vertical-align:-2px;margin-right:.35rem}.legend span{margin-right:1.3rem;white-space:nowrap}
.cards{display:flex;flex-wrap:wrap;gap:.8rem}.card{border:1px solid var(--line);border-radius:.5rem;padding:.6rem 1rem}
.card b{display:block;font-size:1.4rem}a{color:#0b5fa5}summary{cursor:pointer;margin:.6rem 0}
@media(prefers-color-scheme:dark){a{color:#7db8ee}}
"""
_META: Final = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'


def page(report: Report) -> str:
    """The whole file.

    >>> page(Report("us", {"us": "us"}, 20, "2026-01-01")).startswith("<!doctype html>")
    True
    """
    body = [
        "<h1>How well orderwatch watches</h1>",
        _made(report),
        *overview(report),
        *goals(report),
        *_sources(report),
        *_missed(report),
        *_read(report),
    ]
    head = f"{_META}<title>orderwatch: evaluation</title><style>{_STYLE}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _made(report: Report) -> str:
    budget = f"at most {report.budget_per_day} alerts of one family a day"
    how = f"Intervals are 95 %, by a bootstrap over days. It took {report.seconds / 60:.0f} minutes."
    return f'<p class="soft">{escape(report.made_at)}, {budget}. {how}</p>'


def _sources(report: Report) -> Iterator[str]:
    for (source, level), lines in groupby(report.families, key=lambda one: (one.source, one.level)):
        chosen = list(lines)
        title = f"{source}, {level}: {chosen[0].days:.0f} days"
        yield f'<h2 id="{escape(anchor(source, level))}">{escape(title)}</h2>'
        yield from _cards(chosen, report.ours)
        yield from _plots(chosen, report)
        yield "<h3>By family</h3>" + _figures([one for one in chosen if one.watcher == report.ours], "family")
        incidents = [one for one in report.incidents if (one.source, one.level) == (source, level)]
        yield "<h3>By what was injected</h3>" + _figures(incidents, "injected", alerts=False)
        yield "<h3>Beside the others, all families</h3>" + _beside(chosen, report)
        false = [one for one in report.false_kinds if (one.source, one.level) == (source, level)]
        if false:
            yield "<h3>What was told and belongs to nothing injected</h3>"
            yield table(("kind", "times"), ((one.kind, str(one.count)) for one in false))


def _cards(lines: Sequence[Figures], ours: str) -> Iterator[str]:
    for one in lines:
        if one.watcher == ours and one.of == ALL:
            cards = (
                (f"{one.caught} of {one.labels}", f"caught, {percent(one.recall)}"),
                (percent(one.precision, interval=False), f"of alerts are true, {interval_text(one.precision)}"),
                (number(one.false_a_day), f"false alerts a day, of {number(one.alerts_a_day)}"),
                (percent(one.loss_prevented, interval=False), "of the loss was still to come when it was told"),
            )
            told = "".join(f'<div class="card"><b>{escape(big)}</b>{escape(small)}</div>' for big, small in cards)
            yield f'<div class="cards">{told}</div>'


def _plots(lines: Sequence[Figures], report: Report) -> Iterator[str]:
    watchers = list(report.titles)
    families = list(dict.fromkeys(one.of for one in lines))
    by = {(one.watcher, one.of): one for one in lines}
    recall = [
        Row(family, [_point(i, by[name, family].recall) for i, name in enumerate(watchers)]) for family in families
    ]
    own = [Row(family, [_point(0, by[report.ours, family].precision)]) for family in families]
    yield "<h3>Recall</h3>" + legend([report.titles[name] for name in watchers])
    yield dot_plot(recall, "recall by family and watcher", goal=RECALL)
    yield "<h3>Precision of orderwatch</h3>" + dot_plot(own, "precision by family", goal=PRECISION)
    told = (
        [Row(report.titles[name], [_point(i, by[name, ALL].false_a_day)]) for i, name in enumerate(watchers)]
        if (report.ours, ALL) in by
        else []
    )
    if told:
        most = _round_up(max(point.high or 0.0 for row in told for point in row.points))
        yield "<h3>False alerts a day</h3>" + dot_plot(told, "false alerts a day", most=most, unit="")


def _point(series: int, one: Estimate) -> Point:
    return Point(series, one.value, one.low, one.high)


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 with zeros.

    >>> [_round_up(value) for value in (0.0, 3.2, 61.0)]
    [1.0, 5.0, 100.0]
    """
    step = 1.0
    while True:
        for times in (1.0, 2.0, 5.0):
            if value <= step * times:
                return step * times
        step *= 10.0


def _figures(lines: Iterable[Figures], first: str, *, alerts: bool = True) -> str:
    headings = [first, "caught", "recall"]
    headings += ["precision", "alerts a day", "false a day"] if alerts else []
    headings += ["told after", "orders seen", "loss", "prevented"]
    return table(headings, (_line(one, alerts=alerts) for one in lines))


def _line(one: Figures, *, alerts: bool) -> list[str]:
    cells = [one.of, f"{one.caught} of {one.labels}", percent(one.recall)]
    cells += [percent(one.precision), number(one.alerts_a_day), number(one.false_a_day)] if alerts else []
    loss = f"{one.loss_minor / 100:,.0f}" if one.loss_minor else "-"
    return [*cells, span(one.delay_seconds), number(one.delay_orders, 0), loss, percent(one.loss_prevented)]


def _beside(lines: Sequence[Figures], report: Report) -> str:
    headings = ("watcher", "caught", "recall", "precision", "alerts a day", "false a day", "told after", "prevented")
    rows = []
    for one in lines:
        if one.of == ALL:
            threshold = report.thresholds.get(one.source, {}).get(one.watcher)
            at = "" if threshold is None else f", quantile {threshold:g}"
            rows.append(
                [
                    report.titles[one.watcher] + at,
                    f"{one.caught} of {one.labels}",
                    percent(one.recall),
                    percent(one.precision),
                    number(one.alerts_a_day),
                    number(one.false_a_day),
                    span(one.delay_seconds),
                    percent(one.loss_prevented),
                ]
            )
    return table(headings, rows)


def _missed(report: Report) -> Iterator[str]:
    if report.missed:
        yield f"<h2>What orderwatch missed: {len(report.missed)}</h2>"
        rows = (
            (
                f"{row.source}, {row.level}",
                row.incident,
                row.family,
                row.entity,
                str(row.orders),
                f"{row.block[0]}, day {row.block[1]}",
            )
            for row in report.missed
        )
        yield table(("orders", "incident", "family", "where", "orders touched", "when"), rows, text=(1, 2, 3))


def _read(report: Report) -> Iterator[str]:
    yield "<h2>What was read</h2>"
    headings = ("orders", "for", "seeds", "trains from", "counts from", "until", "orders a day")
    yield table(
        headings,
        (
            (
                one.source,
                one.purpose,
                ", ".join(map(str, one.seeds)),
                one.trains_from,
                one.counts_from,
                one.until,
                f"{one.orders_a_day:,.0f}",
            )
            for one in report.spans
        ),
    )
    yield "".join(f'<p class="soft">{escape(note)}.</p>' for note in report.notes)
