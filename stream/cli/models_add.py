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
    from stream.model_registry.manifest import Manifest
    from stream.model_registry.registry import Registry


File = Annotated[
    Path, typer.Option("--file", metavar="FILE", help="Fitted model (.skops), or a detector's state (.npz).")
]
Columns = Annotated[
    str, typer.Option("--features", metavar="A,B,…", help="The columns that it was trained on, in order.")
]
Part = Annotated[str | None, typer.Option("--part", help="Detector; of .skops it is sklearn_detector.")]
Params = Annotated[str, typer.Option("--params", metavar="JSON", help="Parameters of the detector.")]
Rows = Annotated[
    Path | None,
    typer.Option("--rows", metavar="FILE.npy", help="Rows that it has not learned: proof, and scale of scores."),
]
Data = Annotated[
    list[Path] | None, typer.Option("--data", metavar="FILE", help="What it was trained on; may be repeated.")
]
Start = Annotated[str, typer.Option("--from", metavar="TIME", help="First event time of the training.")]
End = Annotated[str, typer.Option("--to", metavar="TIME", help="End of the training, not in it.")]
TrainedRows = Annotated[int, typer.Option("--trained-rows", min=0, help="How many rows it learned.")]
Metrics = Annotated[list[str] | None, typer.Option("--metric", metavar="NAME=VALUE")]


def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    file: File,
    features: Columns,
    part: Part = None,
    params: Params = "{}",
    rows: Rows = None,
    data: Data = None,
    start: Start = "",
    end: End = "",
    trained_rows: TrainedRows = 0,
    metric: Metrics = None,
    note: Note = "",
    author: Author = None,
    registry: Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Keep a model as the next version; it is a challenger. No pickle is read."""
    from stream.model_registry.adding import add_detector, detector_of, rows_of, training_of

    models, settings = opened(registry, config)
    part = part or ("sklearn_detector" if file.suffix == ".skops" else None)
    manifest = add_detector(
        models,
        name,
        part or "",
        detector_of(file, part, _json_object(params), _trusted(settings, part)),
        features=[feature for feature in features.split(",") if feature],
        settings=settings,
        author=who(author),
        note=note,
        rows=rows_of(rows) if rows else None,
        training=training_of(start, end, trained_rows, data or ()),
        metrics=dict(map(_metric, metric or ())),
    )
    _tell(models, manifest, settings, as_json=as_json)


def _tell(models: Registry, manifest: Manifest, settings: Settings, *, as_json: bool) -> None:
    """Say what was added, to whoever asked; and to every worker, where workers may score it in a champion's shadow."""
    from stream.cli import models_view as view

    standing = models.standing(manifest.name)
    if standing.champion is not None:
        announced(settings, manifest.name, standing.number, manifest.author)
    if as_json:
        print_json(view.row(models, manifest.name, manifest.version))
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
