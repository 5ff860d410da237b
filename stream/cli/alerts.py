"""`orderwatch alerts`: what stands in the Redis Stream, and what is added to it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.ending import reader_may_leave
from stream.cli.options import AsJson, ConfigFiles, settings_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.settings import Settings
    from stream.alert_channel import Delivered


def alerts(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for new ones, until Ctrl-C.")] = False,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="How many past ones to show first.")] = 20,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Show alerts as they stand in Redis."""
    settings = settings_from(config)
    show = _show_json if as_json else _show_line
    with reader_may_leave(), contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(settings, last, follow, show))


async def _run(settings: Settings, last: int, follow: bool, show: Callable[[Delivered], None]) -> None:
    from stream.alert_channel import AlertChannel

    channel = AlertChannel(settings.redis)
    try:
        newest = "0"
        for alert in await channel.recent(max(last, 1)):
            newest = alert.entry_id
            if last:
                show(alert)
        if follow:
            async for alert in channel.follow(newest):
                show(alert)
    finally:
        await channel.close()


def _show_json(alert: Delivered) -> None:
    typer.echo(alert.data)


def _show_line(alert: Delivered) -> None:
    from stream.cli.terminal import alert_line, output, read_alert

    output.print(alert_line(read_alert(alert.data)), soft_wrap=True)
