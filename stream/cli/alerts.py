"""`orderwatch alerts`: what stands in the Redis Stream, what is added to it, and the stream put right from Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.ending import reader_may_leave
from stream.cli.options import AsJson, ConfigFiles, settings_from
from stream.cli.since import Since, since_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.settings import Settings
    from stream.alert_channel import Delivered
    from stream.alert_reader import Entry
    from stream.alerts_rebuild import Rebuilt

    Show = Callable[[Delivered | Entry], None]

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def alerts(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for new ones, until Ctrl-C.")] = False,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="How many past ones to show first.")] = 20,
    group: Annotated[
        str | None,
        typer.Option("--group", metavar="NAME", help="Read as one of a group (risk, promotions, notify): each once."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="With --group: this reader's name; else host and process.")] = "",
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Show alerts as they stand in Redis.

    With --group each alert is shown to one reader of that group only, and counts as done once it was printed.
    """
    if context.invoked_subcommand is not None:
        return
    settings = settings_from(config)
    show = _show_json if as_json else _show_line
    with reader_may_leave(), contextlib.suppress(KeyboardInterrupt):
        if group is None:
            asyncio.run(_run(settings, last, follow, show))
        else:
            _read_group(settings, group, name, follow, show)


@app.command()
def rebuild(
    since: Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is missing, and change nothing.")] = False,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Put back what the Redis Stream has lost, from the Kafka alerts topic.

    Appends what is missing of the topic's latest alerts, in order, as many as the stream keeps; nothing twice.
    Workers may run meanwhile. The live channel is not told.
    """
    settings = settings_from(config)
    done = asyncio.run(_rebuild(settings, since_ms(since), dry_run))
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, **asdict(done)}))
    else:
        _print_rebuilt(done, settings, dry_run)


async def _run(settings: Settings, last: int, follow: bool, show: Show) -> None:
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


def _read_group(settings: Settings, group: str, name: str, follow: bool, show: Show) -> None:
    from redis import Redis

    from stream.alert_reader import AlertReader, Patience
    from stream.redis_access import access

    patience = Patience(remember_seconds=settings.redis.claim_ttl_seconds, retry_seconds=settings.redis.retry_seconds)
    with Redis.from_url(**access(settings.redis)) as redis:
        reader = AlertReader(redis, settings.redis.stream, group, name, patience=patience)
        if follow:
            reader.run(show)
        while entries := reader.poll(block_seconds=0.01):
            for entry in entries:
                show(entry)
                reader.done(entry)


async def _rebuild(settings: Settings, since: int, dry_run: bool) -> Rebuilt:
    from stream.alerts_rebuild import rebuild
    from stream.cli.terminal import progress_of

    with progress_of("comparing", "alerts") as advance:
        return await rebuild(settings, since, dry_run=dry_run, on_progress=advance)


def _print_rebuilt(done: Rebuilt, settings: Settings, dry_run: bool) -> None:
    verb = "are missing" if dry_run else "were put back"
    typer.echo(f"{done.restored:,} alerts {verb} in {settings.redis.stream}; {done.present:,} stood there")
    if done.older:
        most = settings.redis.stream_max_entries
        typer.echo(f"{done.older:,} older ones are beyond redis.stream_max_entries {most:,}", err=True)
    if done.unreadable:
        typer.echo(f"{done.unreadable:,} messages of {settings.kafka.alerts_topic} are no alerts", err=True)


def _show_json(alert: Delivered | Entry) -> None:
    typer.echo(alert.data)


def _show_line(alert: Delivered | Entry) -> None:
    from stream.cli.terminal import alert_line, output, read_alert

    output.print(alert_line(read_alert(alert.data)), soft_wrap=True)
