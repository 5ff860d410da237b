"""`orderwatch archive`: feature rows from their topic into Parquet files."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.ending import UnusableFile
from stream.cli.options import ConfigFiles, settings_from

if TYPE_CHECKING:
    from stream.archive import Archive
    from stream.archiver import Archiver


def archive(
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="[FOLDER|URL]", help="Where files go, such as s3://bucket/features; else the settings say."
        ),
    ] = None,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0.1, help="Longest that rows wait to become a file.")
    ] = 60.0,
    megabytes: Annotated[
        int, typer.Option("--megabytes", min=1, help="Read of one partition before it becomes files.")
    ] = 32,
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="Stop when all that the topic holds has landed.")
    ] = False,
    config: ConfigFiles = None,
) -> None:
    """Keep the feature log as Parquet files, by date and hour.

    Each row lands in exactly one file, whatever crashes. Read them back with features.history.
    """
    from stream.archiver import Archiver, Landing

    settings = settings_from(config)
    path = path or settings.feature_log.archive
    if path is None:
        raise UnusableFile("no folder is named, and feature_log.archive is not set")
    kept = _opened(path, settings.feature_log.topic)
    archiver = Archiver(settings, kept, Landing(every, megabytes << 20), until_caught_up)
    messages = asyncio.run(_run(archiver))
    repeated = f", {kept.repeated_rows:,} rows had come before" if kept.repeated_rows else ""
    typer.echo(f"{messages:,} blocks of {settings.feature_log.topic} landed in {path}{repeated}", err=True)


def _opened(path: str, topic: str) -> Archive:
    from stream.archive import Archive

    try:
        return Archive(path, topic)
    except (ImportError, ValueError) as error:
        raise UnusableFile(f"{path}: cannot be written: {error}") from error


async def _run(archiver: Archiver) -> int:
    loop = asyncio.get_running_loop()
    for kind in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(kind, archiver.stop.set)
    return await archiver.run()
