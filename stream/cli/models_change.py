"""Verbs of `orderwatch models` that change which version serves, and tell every worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.cli.ending import FAILURE
from stream.cli.models_options import (
    Address,
    Author,
    Features,
    Note,
    Version,
    named_version,
    names_of,
    opened,
    print_json,
    who,
)
from stream.cli.options import AsJson, ConfigFiles

if TYPE_CHECKING:
    from config.settings import Settings
    from models.package import Package
    from stream.model_registry.manifest import Change, Manifest


def promote(
    model: Version,
    override: Annotated[
        list[str] | None,
        typer.Option("--override", metavar="NAME", help="Demand of models.promotion that it need not meet."),
    ] = None,
    features: Features = None,
    note: Note = "",
    author: Author = None,
    registry: Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Make a version the champion, once it is proved that workers of these settings would serve it.

    What models.promotion asks of its shadow run must be met, or be overridden by name, which the note then says.
    """
    from stream.cli.models_policy import noted, require

    models, settings = opened(registry, config)
    name, version = named_version(model)
    overridden = require(models, name, version, settings, override or (), features)
    check = _servable_here(settings)
    change = models.promote(name, version, author=who(author), note=noted(note, overridden), check=check)
    _tell(change, name, settings, as_json=as_json)


def rollback(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    note: Note = "",
    author: Author = None,
    registry: Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Make the champion before this one champion again."""
    models, settings = opened(registry, config)
    check = _servable_here(settings)
    _tell(models.rollback(name, author=who(author), note=note, check=check), name, settings, as_json=as_json)


def retire(
    model: Version,
    note: Note = "",
    author: Author = None,
    registry: Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Put a challenger aside."""
    models, settings = opened(registry, config)
    name, version = named_version(model)
    _tell(models.retire(name, version, author=who(author), note=note), name, settings, as_json=as_json)


def announce(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    registry: Address = None,
    config: ConfigFiles = None,
) -> None:
    """Tell every worker to look at a model again, which promote, rollback and retire do by themselves."""
    models, settings = opened(registry, config)
    [name] = names_of(models, name)
    if not announced(settings, name, models.standing(name).number, who(None)):
        raise typer.Exit(FAILURE)
    typer.echo(f"workers were told to look at {name}")


def _servable_here(settings: Settings) -> Any:
    from stream.model_registry.serving import check_servable

    def check(manifest: Manifest, package: Package) -> None:
        check_servable(manifest, package, settings)

    return check


def _tell(change: Change, name: str, settings: Settings, *, as_json: bool) -> None:
    """Say what was changed, to whoever asked and to every worker."""
    from stream.cli import models_view as view

    heard = announced(settings, name, change.number, change.author)
    if as_json:
        print_json(view.plain(change) | {"announced": heard})
    else:
        now = f"champion is {name}@{change.line[-1].version}" if change.line else "there is no champion"
        typer.echo(f"{change.action} of {name}@{change.version} by {change.author}; {now}")


def announced(settings: Settings, name: str, number: int, author: str) -> bool:
    """Tell the workers; that Kafka is away undoes no change, and is said in one line."""
    from stream.control_topic import Announcement, announce
    from stream.engine.topics import TopicError

    try:
        announce(settings.kafka, Announcement(name, number, author))
    except TopicError as error:
        later = f"workers see it when they start, or after `orderwatch models announce {name}`"
        typer.echo(f"orderwatch: no worker was told: {error}; {later}", err=True)
        return False
    return True
