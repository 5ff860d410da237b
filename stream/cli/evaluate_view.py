"""An evaluation as tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.table import Table

from stream.evaluation.duration import span_text
from stream.evaluation.figures import ALL

if TYPE_CHECKING:
    from rich.console import Console

    from stream.evaluation.bootstrap import Estimate
    from stream.evaluation.figures import Figures
    from stream.evaluation.report import Report

_MOST_MISSED = 30
_LONG = 28
_WIDE = 120


def show(console: Console, report: Report) -> None:
    """Print where the figures come from, the figures, what was missed, and what was aimed at.

    A file or a pipe has no width: there the tables take what they need.
    """
    if not console.is_terminal:
        console.width = max(console.width, _WIDE)
    _show_spans(console, report)
    for (source, level), lines in groupby(report.families, key=lambda one: (one.source, one.level)):
        chosen = list(lines)
        title, wide = f"{source}, {level}, {chosen[0].days:.0f} days: orderwatch", console.width >= _WIDE
        console.print("", _families(title, [one for one in chosen if one.watcher == report.ours], wide=wide))
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
    table = _table("What was read", "orders", "for", "seeds", "trains", "counts", "until", "a day")
    for span in report.spans:
        seeds = ", ".join(map(str, span.seeds))
        dates = span.trains_from, span.counts_from, span.until
        table.add_row(span.source, span.purpose, seeds, *dates, f"{span.orders_a_day:,.0f}")
    console.print(table)


def _families(title: str, lines: Sequence[Figures], *, wide: bool) -> Table:
    """A line a family; intervals where the terminal is wide enough for them."""
    headings = ["family", "caught", "recall", "precision", "a day", "false", "after", "orders", "prevented"]
    table = _table(title, *headings)
    for one in lines:
        table.add_row(
            one.of,
            f"{one.caught}/{one.labels}",
            _percent(one.recall, wide=wide),
            _percent(one.precision, wide=wide),
            _number(one.alerts_a_day),
            _number(one.false_a_day),
            span_text(one.delay_seconds.value),
            _number(one.delay_orders),
            _percent(one.loss_prevented, wide=wide),
        )
    return table


def _beside(title: str, lines: Sequence[Figures], report: Report) -> Table:
    """A line a family, a column a watcher."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("family", no_wrap=True)
    for name in report.titles.values():
        table.add_column(name, justify="right")
    by = {(one.of, one.watcher): one for one in lines}
    for family in dict.fromkeys(one.of for one in lines):
        table.add_row(family, *(_share(by[family, watcher].recall.value) for watcher in report.titles))
    of_all = [by[ALL, watcher] for watcher in report.titles if (ALL, watcher) in by]
    if of_all:
        table.add_section()
        table.add_row("precision", *(_share(one.precision.value) for one in of_all))
        table.add_row("false a day", *(_number(one.false_a_day) for one in of_all))
        table.add_row("loss prevented", *(_share(one.loss_prevented.value) for one in of_all))
    return table


def _show_missed(console: Console, report: Report) -> None:
    if not report.missed:
        return
    table = _table("What orderwatch missed", "orders", "incident", "family", "where", "touched")
    for row in report.missed[:_MOST_MISSED]:
        where = row.entity if len(row.entity) < _LONG else f"{row.entity[:_LONG]}…"
        table.add_row(f"{row.block[0]}, day {row.block[1]}", row.incident, row.family, where, str(row.orders))
    console.print("", table)
    if len(report.missed) > _MOST_MISSED:
        console.print(f"and {len(report.missed) - _MOST_MISSED} more; --json has them all")


def _show_false(console: Console, report: Report) -> None:
    for (source, level), kinds in groupby(report.false_kinds, key=lambda one: (one.source, one.level)):
        told = ", ".join(f"{one.kind} {one.count}" for one in kinds)
        console.print(f"\nfalse on {source}, {level}: {told}", soft_wrap=True)


def _show_targets(console: Console, report: Report) -> None:
    """First the count, then each aim that was not reached."""
    reached = sum(one.reached for one in report.targets)
    console.print(f"\n{reached} of {len(report.targets)} aims reached", style="bold")
    for one in report.targets:
        if not one.reached:
            wanted = f"{'at most' if one.at_most else 'at least'} {one.wanted:.3g}"
            got = "nothing to count" if one.got is None else f"{one.got:.3f}"
            what = f"{one.what}, beside {report.titles.get(one.beside, one.beside)}" if one.beside else one.what
            line = f"[red]not reached[/]  {one.source}, {one.level}: {what} {wanted}, got {got}"
            console.print(line, soft_wrap=True)


def _percent(one: Estimate, *, wide: bool) -> str:
    """A share in percent, and its interval."""
    if one.value is None:
        return "-"
    if not wide or one.low is None or one.high is None:
        return _share(one.value)
    return f"{one.value:.1%} ({one.low:.0%}-{one.high:.0%})"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _number(one: Estimate) -> str:
    return "-" if one.value is None else f"{one.value:,.2f}"
