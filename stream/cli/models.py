"""`orderwatch models`: the trained models, which one serves, and how to change that."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.cli.ending import FAILURE
from stream.cli.options import AsJson, ConfigFiles, settings_from

if TYPE_CHECKING:
    from config.settings import Settings
    from models.package import Package
    from stream.model_registry.manifest import Change, Manifest
    from stream.model_registry.registry import Registry

app = typer.Typer(
    help="Keep trained models, and say which one serves.",
    epilog="A model is name (its champion) or name@version.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
_Model = Annotated[str, typer.Argument(metavar="NAME[@VERSION]")]
_Version = Annotated[str, typer.Argument(metavar="NAME@VERSION")]
_Address = Annotated[
    str | None, typer.Option("--registry", metavar="ADDRESS", help="Folder or s3://…; else models.registry.")
]
_Note = Annotated[str, typer.Option("--note", help="Why, for whoever reads it later.")]
_Features = Annotated[
    Path | None,
    typer.Option("--features", metavar="FOLDER", help="What `orderwatch archive` filled, for analysts' verdicts."),
]
_Author = Annotated[str | None, typer.Option("--author", help="Who does it; else your login name.")]


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one.")] = None,
    registry: _Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """List every version with its stage."""
    from stream.cli import models_view as view

    models, _ = _open(registry, config)
    rows = [view.row(models, one, version) for one in _names(models, name) for version in models.versions(one)]
    if as_json:
        _print_json(rows)
    else:
        view.print_list(rows, models.address)


@app.command()
def show(model: _Model, registry: _Address = None, as_json: AsJson = False, config: ConfigFiles = None) -> None:
    """Show all that is known of a version, after checking its files, and every change of stage."""
    from stream.cli import models_view as view

    models, _ = _open(registry, config)
    manifest, _ = models.load(model)
    row, history = view.row(models, manifest.name, manifest.version), models.history(manifest.name)
    if as_json:
        _print_json(row | {"history": [view.plain(change) for change in history]})
    else:
        view.print_version(row, history)


@app.command()
def promote(
    model: _Version,
    override: Annotated[
        list[str] | None,
        typer.Option("--override", metavar="NAME", help="Demand of models.promotion that it need not meet."),
    ] = None,
    features: _Features = None,
    note: _Note = "",
    author: _Author = None,
    registry: _Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Make a version the champion, once it is proved that workers of these settings would serve it.

    What models.promotion asks of its shadow run must be met, or be overridden by name, which the note then says.
    """
    from stream.cli.models_policy import noted, require

    models, settings = _open(registry, config)
    name, version = _named_version(model)
    overridden = require(models, name, version, settings, override or (), features)
    check = _servable_here(settings)
    change = models.promote(name, version, author=_who(author), note=noted(note, overridden), check=check)
    _tell(change, name, settings, as_json=as_json)


@app.command()
def compare(
    model: _Version,
    features: _Features = None,
    registry: _Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Compare a challenger with the champion, as both have scored live orders, and with analysts' verdicts."""
    from stream.cli import models_view as view
    from stream.cli.models_policy import comparison
    from stream.model_registry.comparison import unmet

    models, settings = _open(registry, config)
    name, version = _named_version(model)
    found = comparison(models, name, version, settings, features)
    missing = unmet(settings.models.promotion, found)
    if as_json:
        _print_json(view.compared(found, missing))
    else:
        view.print_comparison(model, found, missing)


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    note: _Note = "",
    author: _Author = None,
    registry: _Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Make the champion before this one champion again."""
    models, settings = _open(registry, config)
    check = _servable_here(settings)
    _tell(models.rollback(name, author=_who(author), note=note, check=check), name, settings, as_json=as_json)


@app.command()
def retire(
    model: _Version,
    note: _Note = "",
    author: _Author = None,
    registry: _Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Put a challenger aside."""
    models, settings = _open(registry, config)
    name, version = _named_version(model)
    _tell(models.retire(name, version, author=_who(author), note=note), name, settings, as_json=as_json)


@app.command()
def announce(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    registry: _Address = None,
    config: ConfigFiles = None,
) -> None:
    """Tell every worker to look at a model again, which promote, rollback and retire do by themselves."""
    models, settings = _open(registry, config)
    [name] = _names(models, name)
    if not _announced(settings, name, models.standing(name).number, _who(None)):
        raise typer.Exit(FAILURE)
    typer.echo(f"workers were told to look at {name}")


@app.command()
def diff(
    before: _Model,
    after: Annotated[
        str | None, typer.Argument(metavar="[NAME@VERSION]", help="Else the newest version of the same name.")
    ] = None,
    registry: _Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Say what two versions differ in: parameters, features and their code, training, libraries, metrics, files."""
    from stream.cli import models_view as view
    from stream.model_registry.difference import differences

    models, _ = _open(registry, config)
    old, _ = models.load(before)
    new, _ = models.load(after or f"{old.name}@{models.versions(old.name)[-1]}")
    found = differences(old, new)
    if as_json:
        _print_json(
            {"before": old.label, "after": new.label, "differences": [view.plain(difference) for difference in found]}
        )
    else:
        view.print_differences(old.label, new.label, found)


@app.command()
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
    note: _Note = "",
    author: _Author = None,
    registry: _Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Keep a model as the next version; it is a challenger. No pickle is read."""
    from stream.cli import models_view as view
    from stream.model_registry.adding import add_detector, detector_of, rows_of, training_of

    models, settings = _open(registry, config)
    part = part or ("sklearn_detector" if file.suffix == ".skops" else None)
    detector = detector_of(file, part, _json_object(params), _trusted(settings, part))
    manifest = add_detector(
        models,
        name,
        part or "",
        detector,
        features=[feature for feature in features.split(",") if feature],
        settings=settings,
        author=_who(author),
        note=note,
        rows=rows_of(rows) if rows else None,
        training=training_of(start, end, trained_rows, data or ()),
        metrics=dict(map(_metric, metric or ())),
    )
    standing = models.standing(name)
    if standing.champion is not None:  # workers may serve it, and have the new version score in shadow
        _announced(settings, name, standing.number, manifest.author)
    if as_json:
        _print_json(view.row(models, name, manifest.version))
    else:
        typer.echo(f"{manifest.label} added to {models.address}; it is a challenger")


def _open(address: str | None, config: list[Path] | None) -> tuple[Registry, Settings]:
    from stream.model_registry.serving import registry_of

    settings = settings_from(config, **({"models": {"registry": address}} if address else {}))
    return registry_of(settings), settings


def _names(models: Registry, only: str | None) -> list[str]:
    from config.errors import unknown
    from models.package import ModelRefused

    known = models.names()
    if only is not None and only not in known:
        raise ModelRefused(f"{models.address}: {unknown('model', only, known)}")
    return known if only is None else [only]


def _named_version(model: str) -> tuple[str, int]:
    from models.package import ModelRefused
    from stream.model_registry.manifest import parse_reference

    name, version = parse_reference(model)
    if version is None:
        raise ModelRefused(f"{model!r} names no version; write {name}@1, say")
    return name, version


def _servable_here(settings: Settings) -> Any:
    from stream.model_registry.serving import check_servable

    def check(manifest: Manifest, package: Package) -> None:
        check_servable(manifest, package, settings)

    return check


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


def _who(author: str | None) -> str:
    return author or getpass.getuser()


def _tell(change: Change, name: str, settings: Settings, *, as_json: bool) -> None:
    """Say what was changed, to whoever asked and to every worker."""
    from stream.cli import models_view as view

    heard = _announced(settings, name, change.number, change.author)
    if as_json:
        _print_json(view.plain(change) | {"announced": heard})
    else:
        now = f"champion is {name}@{change.line[-1].version}" if change.line else "there is no champion"
        typer.echo(f"{change.action} of {name}@{change.version} by {change.author}; {now}")


def _announced(settings: Settings, name: str, number: int, author: str) -> bool:
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


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2))
