"""`orderwatch import`: public data sets as events of the contract, one JSON object a line."""

from __future__ import annotations

from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from stream.cli.ending import UnusableFile, reader_may_leave
from stream.cli.lines import STANDARD, open_output


class Source(Enum):
    """Data sets that have an importer."""

    OLIST = "olist"
    UCI = "uci"
    COMPLETE_JOURNEY = "complete_journey"


def import_(
    source: Annotated[Source, typer.Argument(help="Which data set the file holds.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, gzip by name.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write; -: standard output.")] = STANDARD,
) -> None:
    """Turn a public data set into order events."""
    from msgspec.json import encode

    events = import_module(f"stream.importers.{source.value}").events
    if not file.is_file():
        raise UnusableFile(f"{file}: no such file")
    with reader_may_leave(), open_output(out) as target:
        for event in events(file):
            target.write(encode(event) + b"\n")
