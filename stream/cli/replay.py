"""`orderwatch replay`: a file of events through the whole pipeline, quicker than it happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.ending import UnusableFile, reader_may_leave
from stream.cli.lines import STANDARD, open_lines, open_output
from stream.cli.options import AsJson, ConfigFiles, PromotionsFile, promotions_from, settings_from

if TYPE_CHECKING:
    from rich.console import Console

    from config.promotions import PromotionRegister
    from config.settings import Settings
    from stream.alert import Alert
    from stream.cli.terminal import AlertEvent
    from stream.replay import ReplaySummary

_MOST_SHOWN = 15


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE|-", help="JSON lines, gzip by name; -: standard input.")],
    promotions: PromotionsFile = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write every alert transition, one a line.")
    ] = None,
    as_json: AsJson = False,
    via_kafka: Annotated[
        bool, typer.Option("--via-kafka", help="Send the file through an embedded broker and a worker.")
    ] = False,
    config: ConfigFiles = None,
) -> None:
    """Judge a file of events as if they came live.

    Runs the whole pipeline in this process, partitioned as the stream is, and says what was found.
    """
    if out is not None and out != STANDARD and out.exists() and file.exists() and out.samefile(file):
        raise UnusableFile(f"{out}: is the file that is read; name another one for --out")
    settings = settings_from(config)
    register = promotions_from(promotions, settings)
    from stream.cli.terminal import messages, output

    found = _Found()
    console = messages if out == STANDARD else output
    with reader_may_leave():
        summary = _run(file, out, settings, register, found, via_kafka=via_kafka)
        if as_json:
            console.print_json(data=asdict(summary))
        else:
            found.show(console, summary)


def _run(
    file: Path,
    out: Path | None,
    settings: Settings,
    register: PromotionRegister,
    found: _Found,
    *,
    via_kafka: bool,
) -> ReplaySummary:
    from stream.cli.terminal import reading

    with ExitStack() as stack:
        lines = stack.enter_context(open_lines(file, settings.decode.max_event_bytes))
        write = stack.enter_context(_writer(out)) if out else None
        values = stack.enter_context(reading(lines, file.stat().st_size if file.is_file() else None))
        if via_kafka:
            from stream.kafka_replay import replay_via_kafka as run
        else:
            from stream.replay import replay as run
        return run(values, settings, register, found.and_then(write))


@contextmanager
def _writer(out: Path) -> Iterator[Callable[[Alert], None]]:
    with open_output(out) as file:
        yield lambda alert: file.writelines((alert.data, b"\n"))


class _Found:
    """The worst moment of each condition, for the table at the end."""

    def __init__(self) -> None:
        self._worst: dict[str, AlertEvent] = {}

    def and_then(self, write: Callable[[Alert], None] | None) -> Callable[[Alert], None]:
        """Make the function that takes each alert: keep it, then write it."""

        def take(alert: Alert) -> None:
            self._keep(alert)
            if write is not None:
                write(alert)

        return take

    def _keep(self, alert: Alert) -> None:
        from stream.cli.terminal import badness, read_alert

        event = read_alert(alert.data)
        known = self._worst.get(alert.fingerprint)
        if known is None or badness(event) > badness(known):
            self._worst[alert.fingerprint] = event

    def show(self, console: Console, summary: ReplaySummary) -> None:
        """Print the worst conditions and the summary."""
        from stream.cli.terminal import badness, print_alerts

        worst = sorted(self._worst.values(), key=badness, reverse=True)[:_MOST_SHOWN]
        if worst:
            title = f"The worst {len(worst)} of {summary.conditions:,} conditions"
            print_alerts(console, sorted(worst, key=lambda event: event.time), title)
            console.print()
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in summary.alerts_by_kind.items())
        console.print(f"alerts by kind: {kinds or 'none'}", soft_wrap=True)
        if summary.held_back:
            held = ", ".join(f"{family} {count:,}" for family, count in sorted(summary.held_back.items()))
            console.print(f"held back by alerts.budget_per_day: {held}", soft_wrap=True)
        if summary.warming_up:
            parts = ", ".join(f"{name} {far}" for name, far in summary.warming_up.items())
            console.print(f"warming up, no opinion yet: {parts}", soft_wrap=True)
        console.print(
            f"{summary.events:,} events ({summary.duplicates:,} duplicates, {summary.late:,} late), "
            f"{summary.invalid:,} invalid, {summary.alerts:,} alerts of {summary.conditions:,} conditions "
            f"in {summary.seconds:.1f} s ({summary.events / max(summary.seconds, 1e-9):,.0f} events/s)",
            soft_wrap=True,
        )
