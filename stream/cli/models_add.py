"""`orderwatch models add`: a model that was trained elsewhere becomes the next version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.cli.models_change import announced
from stream.cli.models_options import Address, Author, Note, opened, print_json, who
from stream.cli.options import AsJson, ConfigFiles

if TYPE_CHECKING:
    from config.settings import Settings


def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    file: Annotated[
        Path, typer.Option("--file", metavar="FILE", help="Fitted model (.skops), or a detector's state (.npz).")
    ],
    features: Annotated[
        str, typer.Option("--features", metavar="A,B,…", help="The columns that it was trained on, in order.")
    ],
    part: Annotated[str | None, typer.Option("--part", help="Detector; of .skops it is sklearn_detector.")] = None,
    params: Annotated[str, typer.Option("--params", metavar="JSON", help="Parameters of the detector.")] = "{}",
    rows: Annotated[
        Path | None,
        typer.Option("--rows", metavar="FILE.npy", help="Rows that it has not learned: proof, and scale of scores."),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", metavar="FILE", help="What it was trained on; may be repeated.")
    ] = None,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="First event time of the training.")] = "",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="End of the training, not in it.")] = "",
    trained_rows: Annotated[int, typer.Option("--trained-rows", min=0, help="How many rows it learned.")] = 0,
    metric: Annotated[list[str] | None, typer.Option("--metric", metavar="NAME=VALUE")] = None,
    note: Note = "",
    author: Author = None,
    registry: Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Keep a model as the next version; it is a challenger. No pickle is read."""
    from stream.cli import models_view as view
    from stream.model_registry.adding import add_detector, detector_of, rows_of, training_of

    models, settings = opened(registry, config)
    part = part or ("sklearn_detector" if file.suffix == ".skops" else None)
    detector = detector_of(file, part, _json_object(params), _trusted(settings, part))
    manifest = add_detector(
        models,
        name,
        part or "",
        detector,
        features=[feature for feature in features.split(",") if feature],
        settings=settings,
        author=who(author),
        note=note,
        rows=rows_of(rows) if rows else None,
        training=training_of(start, end, trained_rows, data or ()),
        metrics=dict(map(_metric, metric or ())),
    )
    standing = models.standing(name)
    if standing.champion is not None:  # workers may serve it, and have the new version score in shadow
        announced(settings, name, standing.number, manifest.author)
    if as_json:
        print_json(view.row(models, name, manifest.version))
    else:
        typer.echo(f"{manifest.label} added to {models.address}; it is a challenger")


def _trusted(settings: Settings, part: str | None) -> list[str]:
    entry = settings.detectors.get(part or "")
    return list(entry.params.get("trusted", ())) if entry else []


def _json_object(text: str) -> dict[str, Any]:
    from models.package import ModelRefused

    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ModelRefused(f"--params {text!r} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ModelRefused(f'--params {text!r} is no JSON object, such as {{"n_trees": 25}}')
    return found


def _metric(text: str) -> tuple[str, float]:
    from models.package import ModelRefused

    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise ModelRefused(f"--metric {text!r}: write it as auc=0.93") from None
