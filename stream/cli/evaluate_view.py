"""An evaluation as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table

from stream.evaluation.duration import span_text

if TYPE_CHECKING:
    from rich.console import Console

    from stream.evaluation.bootstrap import Estimate
    from stream.evaluation.figures import Figures
    from stream.evaluation.report import Report

_MOST_MISSED = 30
_WIDE = 180


def show(console: Console, report: Report) -> None:
    """Print where the figures come from, the figures, what was missed, and what was aimed at.

    A file or a pipe has no width: there the tables take what they need.
    """
    if not console.is_terminal:
        console.width = max(console.width, _WIDE)
    _show_spans(console, report)
    for (source, level), lines in groupby(report.families, key=lambda one: (one.source, one.level)):
        chosen = list(lines)
        console.print("", _families(f"{source}, {level}, {chosen[0].days:.0f} days: orderwatch", chosen, report.ours))
        if len(report.titles) > 1:
            console.print("", _beside("recall beside others, on the same orders", chosen, report))
    _show_missed(console, report)
    _show_false(console, report)
    _show_targets(console, report)
    for note in report.notes:
        console.print(note, style="dim", soft_wrap=True)
    console.print(f"{report.seconds:,.0f} s; intervals are 95 %, by a bootstrap over days", style="dim")


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left", no_wrap=True)
    return table


def _show_spans(console: Console, report: Report) -> None:
    table = _table("What was read", "orders", "for", "seeds", "trains from", "counts from", "until", "orders a day")
    for span in report.spans:
        seeds = ", ".join(map(str, span.seeds))
        dates = span.trains_from, span.counts_from, span.until
        table.add_row(span.source, span.purpose, seeds, *dates, f"{span.orders_a_day:,.0f}")
    console.print(table)


def _families(title: str, lines: Sequence[Figures], ours: str) -> Table:
    table = _table(
        title,
        "family",
        "caught",
        "recall",
        "precision",
        "alerts/day",
        "false/day",
        "after",
        "orders",
        "loss prevented",
    )
    for one in lines:
        if one.watcher == ours:
            table.add_row(
                one.of,
                f"{one.caught}/{one.labels}",
                _percent(one.recall),
                _percent(one.precision),
                _number(one.alerts_a_day),
                _number(one.false_a_day),
                span_text(one.delay_seconds.value),
                _number(one.delay_orders),
                _percent(one.loss_prevented),
            )
    return table


def _beside(title: str, lines: Sequence[Figures], report: Report) -> Table:
    families = list(dict.fromkeys(one.of for one in lines))
    table = _table(title, "watcher", *families, "precision", "false/day")
    for watcher, told in groupby(lines, key=lambda one: one.watcher):
        of = {one.of: one for one in told}
        over_all = of.get("all")
        shares = [_share(of[family].recall.value) if family in of else "" for family in families]
        rest = (_share(over_all.precision.value), _number(over_all.false_a_day)) if over_all else ("", "")
        table.add_row(report.titles[watcher], *shares, *rest)
    return table


def _show_missed(console: Console, report: Report) -> None:
    if not report.missed:
        return
    table = _table("What orderwatch missed", "orders", "incident", "family", "where", "orders touched", "block")
    for row in report.missed[:_MOST_MISSED]:
        where = row.entity if len(row.entity) < _MOST_MISSED else f"{row.entity[:28]}…"
        block = f"{row.block[0]}, day {row.block[1]}"
        table.add_row(f"{row.source}, {row.level}", row.incident, row.family, where, str(row.orders), block)
    console.print("", table)
    if len(report.missed) > _MOST_MISSED:
        console.print(f"and {len(report.missed) - _MOST_MISSED} more; --json has them all")


def _show_false(console: Console, report: Report) -> None:
    for (source, level), kinds in groupby(report.false_kinds, key=lambda one: (one.source, one.level)):
        told = ", ".join(f"{one.kind} {one.count}" for one in kinds)
        console.print(f"\nfalse on {source}, {level}: {told}", soft_wrap=True)


def _show_targets(console: Console, report: Report) -> None:
    table = _table("What is aimed at", "orders", "what", "wanted", "got", "")
    for one in report.targets:
        wanted = f"{'<=' if one.at_most else '>='} {one.wanted:.3g}"
        verdict = "[green]reached[/]" if one.reached else "[bold red]not reached[/]"
        got = "" if one.got is None else f"{one.got:.3f}"
        table.add_row(f"{one.source}, {one.level}", one.what, wanted, got, verdict)
    console.print("", table)


def _percent(one: Estimate) -> str:
    """A share with its interval, in percent."""
    if one.value is None:
        return "-"
    return f"{one.value:.1%} ({one.low or 0:.0%}-{one.high or 0:.0%})"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _number(one: Estimate) -> str:
    return "-" if one.value is None else f"{one.value:,.2f}"
