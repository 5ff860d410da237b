"""What is printed for a person: consoles, a progress bar for long reading, alerts as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from stream.cli.lines import LineFile

output = Console(highlight=False)
messages = Console(stderr=True, highlight=False)

SEVERITY_STYLE = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
_OVER_STYLE = "green"
_ABOUT_WIDTH = 24
_WIDE = 120
_LINES_PER_LOOK = 500


class Entity(msgspec.Struct):
    """What an alert is about."""

    type: str = ""
    key: str = ""


class AlertData(msgspec.Struct):
    """The part of an alert's `data` that a row shows."""

    status: str = ""
    kind: str = ""
    severity: str = ""
    score: float = 0.0
    fingerprint: str = ""
    count: int = 0
    entity: Entity = msgspec.field(default_factory=Entity)
    summary: str = ""
    owner: str = ""


class AlertEvent(msgspec.Struct):
    """The part of an alert's CloudEvent that a row shows."""

    id: str
    time: datetime
    data: AlertData


read_alert = msgspec.json.Decoder(AlertEvent).decode


def print_alerts(console: Console, events: Iterable[AlertEvent], title: str) -> None:
    """Print a table of alerts, or a line each where a table would be too narrow to read."""
    if console.width < _WIDE:
        console.print(title, style="bold")
        for event in events:
            console.print(alert_line(event), soft_wrap=True)
        return
    table = alert_table(console.width, title)
    for event in events:
        add_alert(table, event)
    console.print(table)


def badness(event: AlertEvent) -> tuple[bool, int, float]:
    """Order alerts: firing before resolved, then by severity, then by score."""
    data = event.data
    rank = list(SEVERITY_STYLE).index(data.severity) if data.severity in SEVERITY_STYLE else len(SEVERITY_STYLE)
    return data.status != "resolved", -rank, data.score


def alert_table(width: int, title: str = "", *, one_line: bool = False) -> Table:
    """Make an empty table for `add_alert`, for a terminal of `width` columns.

    `one_line` cuts what does not fit, instead of wrapping it. A narrow terminal has no column for what the
    alert is about: the sentence says it too.
    """
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, expand=True)
    table.add_column("time (UTC)", no_wrap=True, style="dim")
    table.add_column("severity", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    if width >= _WIDE:
        table.add_column("about", no_wrap=True, max_width=_ABOUT_WIDTH)
    table.add_column("what", ratio=1, no_wrap=one_line, overflow="ellipsis" if one_line else "fold")
    table.add_column("score", justify="right", no_wrap=True)
    return table


def add_alert(table: Table, event: AlertEvent) -> None:
    """Add one alert as one row."""
    data = event.data
    cells = [Text(event.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")), _severity(data), Text(data.kind)]
    if any(column.header == "about" for column in table.columns):
        cells.append(Text(data.entity.key))
    table.add_row(*cells, Text(data.summary), f"{data.score:.3f}")


def _severity(data: AlertData) -> Text:
    """How bad it is, or that it is over."""
    if data.status == "resolved":
        return Text("resolved", style=_OVER_STYLE)
    return Text(data.severity, style=SEVERITY_STYLE.get(data.severity, ""))


def alert_line(event: AlertEvent) -> Text:
    """Word one alert as one line, for output that scrolls."""
    data = event.data
    line = Text(event.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S "), style="dim")
    line.append_text(_severity(data))
    line.pad_right(max(0, len("2026-03-02 16:00:00 resolved ") - len(line)))
    line.append(f"{data.kind:<26} {data.entity.type}/{data.entity.key}  ", style="none")
    line.append(f"{data.summary} ", style="none")
    return line.append(f"({data.score:.3f})", style="dim")


@contextmanager
def reading(lines: LineFile, total_bytes: int | None) -> Iterator[Iterator[bytes]]:
    """Yield the lines, with a progress bar on standard error when that is a terminal."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%" if total_bytes else ""),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeElapsedColumn(),
        console=messages,
        transient=True,
        disable=not messages.is_terminal,
    ) as progress:
        task = progress.add_task("reading", total=total_bytes, lines=0)

        def counted() -> Iterator[bytes]:
            for count, line in enumerate(lines):
                if count % _LINES_PER_LOOK == 0:
                    progress.update(task, completed=lines.position, lines=count)
                yield line

        yield counted()


@contextmanager
def progress_of(verb: str, what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of (done, total) that moves a progress bar on standard error, when that is a terminal."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.completed:,.0f} " + what),
        TimeElapsedColumn(),
        console=messages,
        transient=True,
        disable=not messages.is_terminal,
    ) as progress:
        task = progress.add_task(verb, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
