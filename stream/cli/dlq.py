"""`orderwatch dlq`: messages that were no order event; which, why, and back with them once they can be read."""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stream.cli.ending import FAILURE, UnusableFile, reader_may_leave
from stream.cli.options import AsJson, ConfigFiles, settings_from
from stream.cli.printable import printable
from stream.cli.since import Since, since_ms

if TYPE_CHECKING:
    from config.settings import Settings
    from stream.dead_letters_replay import Replayed
    from stream.dead_letters_topic import Choice, Letter, Listing, Place

app = typer.Typer(
    help="Look at messages that were refused, and send them again.",
    epilog="A letter is named by its place in the dead-letter topic, partition:offset.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_Errors = Annotated[list[str] | None, typer.Option("--error", metavar="CLASS", help="Only this error; repeatable.")]
_NOTE: Final = (
    "the message is shown as its sender wrote it and Kafka keeps it: it may hold personal data (address, phone), "
    "which is nowhere else in orderwatch"
)
_REASONS: Final = {
    "refused again": "would be refused again by these settings (--refused-too sends them all the same)",
    "from elsewhere": "came from another topic or partition than kafka.orders_topic has",
    "shortened": "hold only the beginning of their message: Kafka took no longer letter",
    "empty": "are empty",
    "repeated": "are of a message that has a letter already",
}
_SHOWN_CHARACTERS: Final = 4000


@app.command("list")
def list_(
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="How many of the latest to show.")] = 20,
    errors: _Errors = None,
    since: Since = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """List the latest dead letters, and count all by error."""
    from stream.dead_letters_topic import Choice, list_letters

    settings = settings_from(config)
    choice = Choice(errors=errors or (), since_ms=since_ms(since))
    listing = asyncio.run(list_letters(settings, choice, last))
    with reader_may_leave():
        if as_json:
            typer.echo(json.dumps(_listed(listing)))
        else:
            _print_list(listing, settings.kafka.dlq_topic)


@app.command()
def show(
    letter: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the message's bytes, unchanged, and nothing else.")] = False,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Show one dead letter: headers, key and message, as the topic holds them.

    What a terminal would act on is escaped. Nothing is added to what the topic holds; a message may hold
    personal data of its sender's customers.
    """
    settings, place = settings_from(config), _place(letter)
    found = _found(settings, place)
    with reader_may_leave():
        if raw:
            sys.stdout.buffer.write(found.value or b"")
        elif as_json:
            typer.echo(json.dumps(_whole(found)))
        else:
            _print_letter(found, settings.kafka.dlq_topic)


@app.command()
def replay(
    letters: Annotated[list[str] | None, typer.Argument(metavar="[PARTITION:OFFSET]...")] = None,
    errors: _Errors = None,
    everything: Annotated[bool, typer.Option("--all", help="All that the topic holds.")] = False,
    since: Since = None,
    refused_too: Annotated[
        bool, typer.Option("--refused-too", help="Also what these settings would refuse again.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Send dead letters back to the orders topic: the named ones, those of an error, or --all.

    Each goes to its own partition with its own key. Doing it twice does no harm: an event whose id is known is
    dropped. Letters stay in their topic.
    """
    from stream.dead_letters_topic import Choice

    places = frozenset(_place(text) for text in letters or ())
    if not (places or errors or everything):
        raise UnusableFile("name letters as partition:offset, or --error CLASS, or --all")
    settings = settings_from(config)
    choice = Choice(places, errors or (), since_ms(since))
    done, missing = asyncio.run(_replay(settings, choice, dry_run, refused_too))
    if as_json:
        told = {"sent": done.sent, "kept": dict(done.kept), "missing": [str(place) for place in missing]}
        typer.echo(json.dumps({"dry_run": dry_run, **told}))
    else:
        _print_replayed(done, missing, settings.kafka.orders_topic, dry_run)
    if missing:
        raise typer.Exit(FAILURE)


async def _replay(settings: Settings, choice: Choice, dry_run: bool, refused_too: bool) -> tuple[Replayed, list[Place]]:
    """Named letters are looked up one by one, since the topic may be long; others are searched for."""
    from stream.dead_letters_replay import replay_letters
    from stream.dead_letters_topic import chosen_letters, find_letters

    if not choice.places:
        source = chosen_letters(settings, choice)
        return await replay_letters(source, settings, dry_run=dry_run, refused_too=refused_too), []
    found = await find_letters(settings, choice.places)
    missing = sorted(choice.places - found.keys())
    source = chosen_letters(settings, choice, found)
    return await replay_letters(source, settings, dry_run=dry_run, refused_too=refused_too), missing


def _place(text: str) -> Place:
    from stream.dead_letters_topic import Place

    try:
        return Place.read(text)
    except ValueError as error:
        raise UnusableFile(str(error)) from error


def _found(settings: Settings, place: Place) -> Letter:
    from stream.dead_letters_topic import find_letters

    found = asyncio.run(find_letters(settings, {place})).get(place)
    if found is None:
        raise UnusableFile(f"{settings.kafka.dlq_topic} holds no letter at {place}: `orderwatch dlq list` names those")
    return found


def _moment(letter: Letter) -> str:
    from stream.alert import instant

    return instant(letter.time_ms) if letter.time_ms >= 0 else "unknown"


def _row(letter: Letter) -> dict[str, Any]:
    origin = letter.origin
    return {
        "letter": str(letter.place),
        "partition": letter.place.partition,
        "offset": letter.place.offset,
        "time": _moment(letter),
        "error_class": letter.error_class,
        "error_message": letter.text("error_message"),
        "origin": None if origin is None else dict(zip(("topic", "partition", "offset"), origin, strict=True)),
        "bytes": len(letter.value or b""),
    }


def _listed(listing: Listing) -> dict[str, Any]:
    return {
        "total": listing.total,
        "repeated": listing.repeated,
        "by_error": dict(listing.by_error.most_common()),
        "letters": [_row(letter) for letter in listing.letters],
    }


def _whole(letter: Letter) -> dict[str, Any]:
    """Everything, with the bytes in base64 beside their text, which is for reading only."""
    return _row(letter) | {
        "headers": {name: letter.text(name) for name in letter.headers},
        "key_base64": None if letter.key is None else b64encode(letter.key).decode(),
        "value_base64": None if letter.value is None else b64encode(letter.value).decode(),
        "value": None if letter.value is None else letter.value.decode(errors="backslashreplace"),
        "note": _NOTE,
    }


def _print_list(listing: Listing, topic: str) -> None:
    counted = ", ".join(f"{printable(name, 60)} {count:,}" for name, count in listing.by_error.most_common())
    typer.echo(f"{listing.total:,} dead letters in {topic}{': ' if counted else ''}{counted}", err=True)
    for letter in listing.letters:
        origin, size = letter.origin, len(letter.value or b"")
        place = "unknown" if origin is None else f"{printable(origin[0], 60)} {origin[1]}:{origin[2]}"
        error, why = printable(letter.error_class, 40), printable(letter.text("error_message"), 200)
        typer.echo(f"{letter.place!s:<8} {_moment(letter)} {error:<16} {place}, {size:,} bytes: {why}")


def _print_letter(letter: Letter, topic: str) -> None:
    typer.echo(f"{_NOTE}\n", err=True)
    typer.echo(f"{'letter':<21} {letter.place} of {topic}\n{'refused':<21} {_moment(letter)}")
    for name in letter.headers:
        typer.echo(f"{printable(name, 40):<21} {printable(letter.text(name), 1000)}")
    typer.echo(f"{'key':<21} {'none' if letter.key is None else printable(letter.key, 1000)}")
    size = len(letter.value or b"")
    cut = f", the first {_SHOWN_CHARACTERS:,} characters; --raw gives all" if size > _SHOWN_CHARACTERS else ""
    typer.echo(f"message ({size:,} bytes{cut})")
    typer.echo(printable((letter.value or b"")[: 4 * _SHOWN_CHARACTERS], _SHOWN_CHARACTERS))


def _print_replayed(done: Replayed, missing: list[Place], topic: str, dry_run: bool) -> None:
    verb = "would be sent" if dry_run else "were sent"
    typer.echo(f"{done.sent:,} letters {verb} to {topic}")
    for reason, count in done.kept.most_common():
        typer.echo(f"{count:,} {_REASONS[reason]}", err=True)
    if missing:
        typer.echo(f"no letter at {', '.join(map(str, missing))}", err=True)
