"""`orderwatch evaluate`: what is caught, what is false, how soon, and what others make of the same orders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.ending import UnusableFile
from stream.cli.lines import STANDARD, open_output
from stream.cli.options import ConfigFiles

if TYPE_CHECKING:
    from stream.evaluation.plan import Plan
    from stream.evaluation.report import Report

_DATA_VARIABLE = "ORDERWATCH_DATA"


def evaluate(
    seeds: Annotated[
        str | None, typer.Option(metavar="N,N-N", help="Seeds to report on; none that thresholds were tuned on.")
    ] = None,
    families: Annotated[
        str | None, typer.Option(metavar="NAME,…", help="Families of alerts, such as price,volume; by default all.")
    ] = None,
    difficulty: Annotated[
        str, typer.Option(metavar="LEVEL,…", help="easy, medium, hard or all: how large what goes wrong is.")
    ] = "medium",
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help=f"Folder of the public data sets; by default ${_DATA_VARIABLE}."),
    ] = None,
    budget: Annotated[int, typer.Option(help="Alerts of one family a day, at most.")] = 20,
    quick: Annotated[bool, typer.Option("--quick", help="One seed, and nothing is tuned: a few minutes.")] = False,
    as_json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every figure; -: standard output.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")] = None,
    config: ConfigFiles = None,
) -> None:
    """Measure detection on orders whose truth is known, beside other detectors.

    Plays every incident of the simulator, puts faults into real orders where there are any, lets orderwatch and the
    others read the same log under the same budget, and says what each caught. Other seeds and dates are tuned on
    than reported.
    """
    plan = _plan(seeds, families, difficulty, data, budget, config, quick=quick)
    for file in (as_json, html):
        _check_can_be_written(file)
    from stream.cli.evaluate_view import show
    from stream.cli.terminal import messages, output
    from stream.evaluation.evaluation import evaluate as run

    with _steps() as on_step:
        report = run(plan, on_step)
    show(messages if STANDARD in {as_json, html} else output, report)
    if as_json is not None:
        _write_json(as_json, report)
    if html is not None:
        from stream.evaluation.html_report import page

        _write(html, page(report).encode())


def _plan(
    seeds: str | None,
    families: str | None,
    difficulty: str,
    data: Path | None,
    budget: int,
    config: list[Path] | None,
    *,
    quick: bool,
) -> Plan:
    from stream.evaluation.plan import REPORT_SEEDS, Plan, difficulties_of, seeds_of

    named = os.environ.get(_DATA_VARIABLE)
    chosen = seeds_of(seeds) if seeds is not None else list(REPORT_SEEDS[:1] if quick else REPORT_SEEDS)
    return Plan(
        seeds=chosen,
        difficulties=difficulties_of(difficulty),
        families=[name.strip() for name in families.split(",")] if families is not None else (),
        data=data or (Path(named) if named else None),
        budget=budget,
        quick=quick,
        overlays=tuple(config or ()),
    )


def _check_can_be_written(file: Path | None) -> None:
    """Say so now, not after minutes of work."""
    if file is None or file == STANDARD:
        return
    if file.is_dir():
        raise UnusableFile(f"{file}: is a folder; name a file in it")
    if not file.absolute().parent.is_dir():
        raise UnusableFile(f"{file}: there is no folder {file.absolute().parent}")
    if not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise UnusableFile(f"{file}: may not be written")


def _write_json(path: Path, report: Report) -> None:
    import msgspec

    _write(path, msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _write(path: Path, content: bytes) -> None:
    with open_output(path) as file:
        file.write(content)


@contextmanager
def _steps() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error, when that is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from stream.cli.terminal import messages

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)
