"""`orderwatch feedback`: what analysts say of alerts, and what follows of it."""

from __future__ import annotations

import asyncio
import getpass
import json
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stream.cli.ending import UnusableFile
from stream.cli.options import AsJson, ConfigFiles, settings_from

if TYPE_CHECKING:
    from config.settings import Settings
    from stream.feedback.event import Feedback

app = typer.Typer(help="Say whether an alert was right.", no_args_is_help=True, rich_markup_mode=None)

_LEAST_OF_ID: Final = 8


@app.command()
def give(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="The alert's id, or its first eight letters or more.")],
    said: Annotated[str, typer.Argument(metavar="VERDICT", help="true, false, expected, duplicate or wrong_owner.")],
    note: Annotated[str, typer.Option("--note", help="Why, for whoever reads it later.")] = "",
    author: Annotated[str | None, typer.Option("--author", help="Who says it; else your login name.")] = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Say what an alert was: a label for training, and where feedback.on is true, a reason to tell more or less.

    true: right. false: nothing was wrong. expected: right, but meant to be so; it is not told for a while.
    duplicate: told already. wrong_owner: right, and another team's.
    """
    from stream.feedback.event import SAID, feedback_on

    if said not in SAID:
        raise UnusableFile(f"{said!r} is no verdict; one of {', '.join(SAID)}")
    settings = settings_from(config)
    data = asyncio.run(_find(settings, alert))
    who = getpass.getuser() if author is None else author
    feedback = feedback_on(data, said, at_ms=time.time_ns() // 1_000_000, author=who, note=note)
    _send(settings, feedback)
    if as_json:
        typer.echo(json.dumps(_plain(feedback)))
    else:
        typer.echo(f"{feedback.kind} of {feedback.entity_type} {feedback.entity}: {said}, says {who}")


@app.command("list")
def list_(as_json: AsJson = False, config: ConfigFiles = None) -> None:
    """List all that was said, and what the conditions that are expected have hidden since."""
    settings = settings_from(config)
    rows = asyncio.run(_rows(settings))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        hidden = row.get("hidden")
        told = f"; hidden since: {hidden['count']} signs, {hidden['loss']} {hidden['currency']}" if hidden else ""
        lifted = "; told again, for it hid too much" if hidden and hidden["lifted"] else ""
        note = f": {row['note']}" if row["note"] else ""
        typer.echo(
            f"{row['at'][:19]}Z {row['said']:<11} {row['kind']} {row['entity_type']}/{row['entity']} "
            f"by {row['author']}{note}{told}{lifted}"
        )


async def _find(settings: Settings, alert: str) -> bytes:
    """The alert as it stands in Redis."""
    from stream.alert_channel import AlertChannel

    if len(alert) < _LEAST_OF_ID:
        raise UnusableFile(f"{alert!r} is too short for an alert's id: give {_LEAST_OF_ID} letters or more")
    channel = AlertChannel(settings.redis)
    try:
        kept = await channel.recent(settings.redis.stream_max_entries)
    finally:
        await channel.close()
    found = {one.id: one.data for one in kept if one.id.startswith(alert)}
    if len(found) != 1:
        how_many = f"{len(found)} alerts begin" if found else "no alert begins"
        raise UnusableFile(
            f"{how_many} with {alert!r} in {settings.redis.stream}; `orderwatch alerts --json` lists them"
        )
    [data] = found.values()
    return data


def _send(settings: Settings, feedback: Feedback) -> None:
    import msgspec

    from stream.whole_topic import add

    value = msgspec.json.encode(feedback)
    asyncio.run(add(settings.kafka, settings.feedback.topic, feedback.fingerprint.encode(), value))


async def _rows(settings: Settings) -> list[dict[str, Any]]:
    from stream.feedback.event import read_feedback
    from stream.feedback.hidden import hidden_of
    from stream.whole_topic import read_whole

    said = [read_feedback(value) for _, value in await read_whole(settings.kafka, settings.feedback.topic)]
    hidden = hidden_of(await read_whole(settings.kafka, settings.kafka.control_topic))
    rows = []
    for one in said:
        if one is not None:
            more = hidden.get(one.id)
            rows.append(_plain(one) | ({"hidden": more} if more else {}))
    return rows


def _plain(feedback: Feedback) -> dict[str, Any]:
    import msgspec

    from stream.alert import instant

    told: dict[str, Any] = msgspec.to_builtins(feedback)
    return told | {"at": instant(told.pop("at_ms"))}
