"""The live view of the demo: a line on where the shop's clock is, and the last alerts."""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from stream.cli.terminal import SEVERITY_STYLE, AlertEvent, add_alert, alert_line, alert_table, read_alert

if TYPE_CHECKING:
    from stream.alert import Alert
    from stream.demo import Progress

_ROWS = 16
_HEAD_LINES = 5
_FRAMES_PER_SECOND = 8


class DemoView:
    """Shows alerts as they come: a table that moves on a terminal, plain lines anywhere else."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._last: deque[AlertEvent] = deque(maxlen=_ROWS)
        self._by_severity: Counter[str] = Counter()
        self._started = False
        self._live = Live(
            console=console,
            get_renderable=self._frame,
            refresh_per_second=_FRAMES_PER_SECOND,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._started = True
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if self._console.is_terminal:
            self._console.print(self._frame())

    def add(self, alert: Alert) -> None:
        """Take one alert, once it is in Kafka and Redis."""
        event = read_alert(alert.data)
        self._last.append(event)
        if event.data.status == "firing":
            self._by_severity[event.data.severity] += 1
        if self._started and not self._console.is_terminal:
            self._console.print(alert_line(event), soft_wrap=True)

    def _frame(self) -> Group:
        table = alert_table(self._console.width, one_line=True)
        # a terminal that is too low would hide the newest rows, which stand at the bottom
        for event in tuple(self._last)[-max(1, self._console.height - _HEAD_LINES) :]:
            add_alert(table, event)
        return Group(self._head(), "", table)

    def _head(self) -> Text:
        progress = self._progress
        clock = datetime.fromtimestamp(progress.clock_ms / 1_000, UTC) if progress.clock_ms else None
        head = Text.assemble(
            ("orderwatch demo  ", "bold"),
            clock.strftime("%a %H:%M UTC") if clock else "starting the broker, Redis and the worker",
            "  " if progress.live else "  learning what is normal  ",
            f"{progress.judged:,} of {progress.sent:,} events judged  ",
        )
        for severity, style in SEVERITY_STYLE.items():
            head.append(f"{severity} {self._by_severity[severity]}  ", style=style)
        return head
