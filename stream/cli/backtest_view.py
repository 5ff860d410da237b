"""A backtest as a person reads it on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from stream.backtest.told import cut, figures, headline, moved, place
from stream.cli.terminal import SEVERITY_STYLE

if TYPE_CHECKING:
    from rich.console import Console

    from stream.backtest.comparison import Comparison
    from stream.backtest.episode import Episode

_MOST_SHOWN: Final = 10


def print_comparison(console: Console, found: Comparison) -> None:
    """What was changed, old beside new, by family, and the alerts that came or went."""
    changes = [(change.path, change.old, change.new) for change in found.changes]
    if changes:
        _print_rows(console, ("what was changed", "old", "new"), changes)
    else:
        console.print("the settings are the same: nothing was changed, or the environment overrules it", style="yellow")
    _print_rows(console, ("", "old", "new"), figures(found))
    families = [(family, *map(str, found.count(family))) for family in found.families]
    _print_rows(console, ("family", "added", "removed", "unchanged"), families)
    for name, incidents in (("caught", found.newly_caught), ("missed", found.newly_missed)):
        for incident in incidents:
            console.print(Text(f"newly {name}: {incident}"), soft_wrap=True)
    _print_alerts(console, "added", found.alerts.added)
    _print_alerts(console, "removed", found.alerts.removed)
    console.print(Text(f"{moved(found)}; {_speed(found)}"), soft_wrap=True)
    console.print(Text(headline(found), style="bold"), soft_wrap=True)


def _print_rows(console: Console, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in head:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
    console.print()


def _print_alerts(console: Console, name: str, episodes: Sequence[Episode]) -> None:
    few, rest = cut(episodes, _MOST_SHOWN)
    if not few:
        return
    console.print(f"{name}:", style="bold")
    for one in few:
        time, severity, kind, _, summary = place(one)
        line = Text(f"{time} ", style="dim").append(f"{severity:<9}", SEVERITY_STYLE.get(severity, ""))
        console.print(line.append(f"{kind:<26} {summary}", "none"), soft_wrap=True)
    if rest:
        console.print(rest)
    console.print()


def _speed(found: Comparison) -> str:
    events = found.old.run.summary.events
    old, new = (side.run.summary.seconds for side in (found.old, found.new))
    return f"{events:,} events in {old:.1f} s with the old settings, {new:.1f} s with the new"
