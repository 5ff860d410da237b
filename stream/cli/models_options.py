"""What the verbs of `orderwatch models` share: their options, the registry that they name, and how they answer."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.cli.options import settings_from

if TYPE_CHECKING:
    from config.settings import Settings
    from stream.model_registry.registry import Registry

Model = Annotated[str, typer.Argument(metavar="NAME[@VERSION]")]
Version = Annotated[str, typer.Argument(metavar="NAME@VERSION")]
Address = Annotated[
    str | None, typer.Option("--registry", metavar="ADDRESS", help="Folder or s3://…; else models.registry.")
]
Note = Annotated[str, typer.Option("--note", help="Why, for whoever reads it later.")]
Features = Annotated[
    Path | None,
    typer.Option("--features", metavar="FOLDER", help="What `orderwatch archive` filled, for analysts' verdicts."),
]
Author = Annotated[str | None, typer.Option("--author", help="Who does it; else your login name.")]


def opened(address: str | None, config: list[Path] | None) -> tuple[Registry, Settings]:
    """The registry, and the settings with its address."""
    from stream.model_registry.serving import registry_of

    settings = settings_from(config, **({"models": {"registry": address}} if address else {}))
    return registry_of(settings), settings


def names_of(models: Registry, only: str | None) -> list[str]:
    """All models, or the one that is named. Raises ModelRefused for one that is not there."""
    from config.errors import unknown
    from models.package import ModelRefused

    known = models.names()
    if only is not None and only not in known:
        raise ModelRefused(f"{models.address}: {unknown('model', only, known)}")
    return known if only is None else [only]


def named_version(model: str) -> tuple[str, int]:
    """Name and version of a model. Raises ModelRefused where no version is named."""
    from models.package import ModelRefused
    from stream.model_registry.manifest import parse_reference

    name, version = parse_reference(model)
    if version is None:
        raise ModelRefused(f"{model!r} names no version; write {name}@1, say")
    return name, version


def who(author: str | None) -> str:
    """Who does it."""
    return author or getpass.getuser()


def print_json(value: Any) -> None:
    """Answer a program."""
    typer.echo(json.dumps(value, indent=2))
