"""`orderwatch parity`: whether the features that served are those that the code of today computes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.ending import FAILURE, UnusableFile
from stream.cli.options import AsJson, ConfigFiles, settings_from

if TYPE_CHECKING:
    import pyarrow as pa

    from features.parity import Parity

_FIRST, _LAST = "2000-01-01", "2100-01-01"


def parity(
    orders: Annotated[
        Path, typer.Argument(metavar="FILE", help="The orders topic from its start: JSON lines or Parquet.")
    ],
    features: Annotated[Path, typer.Option("--features", metavar="FOLDER", help="What `orderwatch archive` filled.")],
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="First order time, UTC.")] = _FIRST,
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="Time before which orders were placed.")] = _LAST,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """Replay orders and compare their features with the logged ones, bit for bit.

    Ends with 0 when every logged row is found with the same bits, 1 when one is not, 2 when nothing can be compared.
    """
    from stream.parity import RowsUnusable, check

    settings = settings_from(config)
    logged = _logged(features, since, until)
    try:
        found = check(logged, orders, settings)
    except (RowsUnusable, FileNotFoundError) as error:
        raise UnusableFile(str(error)) from error
    typer.echo(json.dumps({"holds": found.holds, **asdict(found)}, default=str) if as_json else _told(found))
    if not found.holds:
        raise typer.Exit(FAILURE)


def _logged(folder: Path, since: str, until: str) -> pa.Table:
    from features.history import history

    if not folder.is_dir():
        raise UnusableFile(f"{folder}: is no folder of feature rows")
    try:
        return history(since, until, path=folder, frame="arrow")
    except ValueError as error:
        raise UnusableFile(f"--from {since} --to {until}: {error}") from error


def _told(found: Parity) -> str:
    outcome = "the same" if found.holds else "NOT the same"
    lines = [f"{found.rows:,} rows compared in {len(found.columns)} features: {outcome}"]
    if found.unknown:
        lines.append(
            f"{found.unknown:,} more are of a worker that went on from a state which does not say where it begins: "
            "nothing can be said of them"
        )
    if found.missing:
        lines.append(f"{found.missing:,} logged rows are not in the replay")
    lines += [
        f"{each.column}: {each.rows:,} rows differ; first at partition {each.partition}, offset {each.offset} "
        f"(event {each.event_id}): logged {each.logged!r}, replayed {each.replayed!r}"
        for each in found.differences
    ]
    for one in found.hashes:
        if one != found.replayed_hash:
            lines.append(f"logged by feature hash {one[:16]}, replayed by {found.replayed_hash[:16]}")
    return "\n".join(lines)
