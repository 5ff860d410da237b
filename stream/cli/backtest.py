"""`orderwatch backtest`: what a change of the settings would have done to the alerts of the past."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.ending import UnusableFile, reader_may_leave
from stream.cli.lines import STANDARD, open_lines, open_output
from stream.cli.options import AsJson, ConfigFiles, PromotionsFile, promotions_from, settings_from

if TYPE_CHECKING:
    from config.promotions import PromotionRegister
    from config.settings import Settings
    from stream.backtest.comparison import Comparison
    from stream.backtest.run import Period, Run
    from stream.simulator.label import Label

_WORTH_A_PROCESS_BYTES = 4 << 20
"""Another process takes seconds to start; a smaller file is judged twice in that time."""
_LABEL_BYTES = 64 << 20


def backtest(
    file: Annotated[Path, typer.Argument(metavar="FILE|-", help="JSON lines, gzip by name; -: standard input.")],
    rules: Annotated[
        list[Path],
        typer.Option("--rules", metavar="FILE", help="New settings, laid over the old; may be repeated."),
    ],
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="First time of an alert that counts, UTC.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Time before which an alert must fire, UTC.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="FILE", help="What happened, of `orderwatch simulate --labels`.")
    ] = None,
    promotions: PromotionsFile = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write a report for a pull request.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a report with plots, one file.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Run history through the whole pipeline twice, and compare the alerts: old settings against new.

    FILE is read from its start, since what comes before --from is what is learned from.
    """
    from stream.backtest.comparison import compare
    from stream.backtest.run import HistoryUnusable

    settings = settings_from(config), settings_from([*(config or ()), *rules])
    registers = promotions_from(promotions, settings[0]), promotions_from(promotions, settings[1])
    try:
        period, known = _period(since, until), _labels(labels)
        with reader_may_leave(), _kept(file) as kept:
            old, new = _runs(kept, settings, registers, period)
        found = compare(old, new, period, settings, known)
    except HistoryUnusable as error:
        raise UnusableFile(f"{file}: {error}") from error
    _tell(found, markdown, html, as_json=as_json)


def _runs(
    file: Path,
    settings: tuple[Settings, Settings],
    registers: tuple[PromotionRegister, PromotionRegister],
    period: Period,
) -> tuple[Run, Run]:
    """Judge the file with the old settings here, and with the new ones in another process if that is quicker."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    old, new = zip(settings, registers, strict=True)
    if (os.cpu_count() or 1) == 1 or not file.is_file() or file.stat().st_size < _WORTH_A_PROCESS_BYTES:
        return _run(file, *old, period), _run(file, *new, period)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        waiting = other.submit(_run, file, *new, period, told=False)
        return _run(file, *old, period), waiting.result()


def _run(file: Path, settings: Settings, register: PromotionRegister, period: Period, *, told: bool = True) -> Run:
    from stream.backtest.run import run
    from stream.cli.terminal import reading

    with ExitStack() as stack:
        lines = stack.enter_context(open_lines(file, settings.decode.max_event_bytes))
        total = file.stat().st_size if file.is_file() else None
        return run(stack.enter_context(reading(lines, total)) if told else lines, settings, register, period)


@contextmanager
def _kept(file: Path) -> Iterator[Path]:
    """The file; standard input can be read once only, so it is kept for the second run."""
    if file != STANDARD:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="orderwatch-") as folder:
        path = Path(folder, "orders.jsonl")
        with path.open("wb") as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
        yield path


def _period(since: str | None, until: str | None) -> Period:
    from stream.backtest.run import FIRST_MS, LAST_MS, Period

    begin_ms = FIRST_MS if since is None else _milliseconds("--from", since)
    end_ms = LAST_MS if until is None else _milliseconds("--to", until)
    if begin_ms >= end_ms:
        raise UnusableFile(f"--from {since} --to {until}: the period ends before it begins")
    return Period(begin_ms, end_ms)


def _milliseconds(option: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnusableFile(f"{option} {text!r} is no time; write 2026-03-02 or 2026-03-02T16:00:00Z") from error
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000)


def _labels(file: Path | None) -> list[Label] | None:
    from stream.backtest.labelled import read_labels

    if file is None:
        return None
    with open_lines(file, _LABEL_BYTES) as lines:
        return read_labels(lines, str(file))


def _tell(found: Comparison, markdown: Path | None, html: Path | None, *, as_json: bool) -> None:
    from stream.backtest import html as as_html
    from stream.backtest import markdown as as_markdown
    from stream.backtest.plain import as_json as plain
    from stream.cli.backtest_view import print_comparison
    from stream.cli.terminal import messages, output

    for path, write in ((markdown, as_markdown.markdown), (html, as_html.html)):
        if path is not None:
            with open_output(path) as target:
                target.write(write(found).encode())
    with reader_may_leave():
        if as_json:
            typer.echo(json.dumps(plain(found), indent=2))
        else:
            print_comparison(messages if STANDARD in (markdown, html) else output, found)
