"""`orderwatch drift`: features and scores that are not what they were, told as alerts."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.ending import UnusableFile
from stream.cli.options import ConfigFiles, settings_from

if TYPE_CHECKING:
    from config.settings import Settings
    from stream.drift.reader import DriftReader
    from stream.drift.watch import DriftWatch


def drift(
    reference: Annotated[
        Path | None,
        typer.Option("--reference", metavar="FOLDER", help="What is usual: filled by `orderwatch archive`."),
    ] = None,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="First order time of the reference, UTC.")] = (
        "2000-01-01"
    ),
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="End of the reference, not in it.")] = "2100-01-01",
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="Stop when all that the topic holds was looked at.")
    ] = False,
    config: ConfigFiles = None,
) -> None:
    """Watch the feature log for drift, and tell it as alerts with a picture of before and after.

    Each window of orders is compared with the reference, or with the first orders there are: PSI, KS and the share of
    missing values of each feature and of each score, and the share of orders that were found abnormal.
    """
    from stream.drift.watch import DriftWatch

    settings = settings_from(config)
    watch = DriftWatch(settings.drift)
    if reference is not None:
        _set_reference(watch, reference, since, until)
    rows = asyncio.run(_run(settings, watch, until_caught_up))
    typer.echo(f"{rows:,} rows of {settings.feature_log.topic} were looked at", err=True)


def _set_reference(watch: DriftWatch, folder: Path, since: str, until: str) -> None:
    from features.history import history

    if not folder.is_dir():
        raise UnusableFile(f"{folder}: is no folder of feature rows")
    try:
        rows = history(since, until, path=folder, frame="arrow")
    except ValueError as error:
        raise UnusableFile(f"--from {since} --to {until}: {error}") from error
    if not rows.num_rows:
        raise UnusableFile(f"{folder}: no order was placed from {since} until {until}")
    watch.set_reference(rows)


async def _run(settings: Settings, watch: DriftWatch, until_caught_up: bool) -> int:
    from config.policy import Policy
    from stream.alert_channel import AlertChannel
    from stream.drift.alerts import DriftAlerts
    from stream.drift.reader import DriftReader

    alerts, channel = DriftAlerts(settings, Policy.load(settings.alerts.policy_file)), AlertChannel(settings.redis)
    reader = DriftReader(
        settings, watch, alerts, channel, lambda alert: typer.echo(alert.data), until_caught_up=until_caught_up
    )
    try:
        return await _until_told(reader)
    finally:
        await channel.close()


async def _until_told(reader: DriftReader) -> int:
    loop = asyncio.get_running_loop()
    for kind in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(kind, reader.stop.set)
    return await reader.run()
