"""`orderwatch models`: the trained models, which one serves, and how to change that."""

from __future__ import annotations

from typing import Annotated

import typer

from stream.cli import models_add, models_change
from stream.cli.models_options import Address, Features, Model, Version, named_version, names_of, opened, print_json
from stream.cli.options import AsJson, ConfigFiles

app = typer.Typer(
    help="Keep trained models, and say which one serves.",
    epilog="A model is name (its champion) or name@version.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one.")] = None,
    registry: Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """List every version with its stage."""
    from stream.cli import models_view as view

    models, _ = opened(registry, config)
    rows = [view.row(models, one, version) for one in names_of(models, name) for version in models.versions(one)]
    if as_json:
        print_json(rows)
    else:
        view.print_list(rows, models.address)


@app.command()
def show(model: Model, registry: Address = None, as_json: AsJson = False, config: ConfigFiles = None) -> None:
    """Show all that is known of a version, after checking its files, and every change of stage."""
    from stream.cli import models_view as view

    models, _ = opened(registry, config)
    manifest, _ = models.load(model)
    row, history = view.row(models, manifest.name, manifest.version), models.history(manifest.name)
    if as_json:
        print_json(row | {"history": [view.plain(change) for change in history]})
    else:
        view.print_version(row, history)


app.command()(models_change.promote)


@app.command()
def compare(
    model: Version,
    features: Features = None,
    registry: Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Compare a challenger with the champion, as both have scored live orders, and with analysts' verdicts."""
    from stream.cli import models_view as view
    from stream.cli.models_policy import comparison
    from stream.model_registry.comparison import unmet

    models, settings = opened(registry, config)
    name, version = named_version(model)
    found = comparison(models, name, version, settings, features)
    missing = unmet(settings.models.promotion, found)
    if as_json:
        print_json(view.compared(found, missing))
    else:
        view.print_comparison(model, found, missing)


app.command()(models_change.rollback)
app.command()(models_change.retire)
app.command()(models_change.announce)


@app.command()
def diff(
    before: Model,
    after: Annotated[
        str | None, typer.Argument(metavar="[NAME@VERSION]", help="Else the newest version of the same name.")
    ] = None,
    registry: Address = None,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Say what two versions differ in: parameters, features and their code, training, libraries, metrics, files."""
    from stream.cli import models_view as view
    from stream.model_registry.difference import differences

    models, _ = opened(registry, config)
    old, _ = models.load(before)
    new, _ = models.load(after or f"{old.name}@{models.versions(old.name)[-1]}")
    found = differences(old, new)
    if as_json:
        print_json(
            {"before": old.label, "after": new.label, "differences": [view.plain(difference) for difference in found]}
        )
    else:
        view.print_differences(old.label, new.label, found)


app.command()(models_add.add)
