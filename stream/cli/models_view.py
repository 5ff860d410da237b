"""Models and their differences as a person reads them, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.table import Table
from rich.text import Text

from stream.cli.terminal import output

if TYPE_CHECKING:
    from stream.model_registry.comparison import Comparison
    from stream.model_registry.difference import Difference
    from stream.model_registry.manifest import Change
    from stream.model_registry.registry import Registry

_STYLE: Final = {"champion": "bold green", "challenger": "cyan", "retired": "dim"}
_HASH: Final = 12
_LONG_HASH: Final = 64


def row(models: Registry, name: str, version: int) -> dict[str, Any]:
    """One version: its manifest and its stage."""
    manifest = models.manifest(name, version)
    return {"name": name, "version": version, "stage": models.standing(name).stage_of(version)} | plain(manifest)


def plain(record: Any) -> dict[str, Any]:
    """A record as JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(record)
    return found


def print_list(rows: Sequence[dict[str, Any]], address: str) -> None:
    """One line a version."""
    if not rows:
        output.print(f"no models in {address}", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, expand=True)
    for column in ("model", "stage", "trained on"):
        table.add_column(column, no_wrap=True)
    for column in ("metrics", "note"):
        table.add_column(column, ratio=1, overflow="fold")
    for one in rows:
        stage = Text(one["stage"], style=_STYLE[one["stage"]])
        label, when = f"{one['name']}@{one['version']}", _range(one["training"])
        table.add_row(label, stage, when, _metrics(one), Text(f"{one['author']}: {one['note']}"))
    output.print(table)


def print_version(one: dict[str, Any], history: Sequence[Change]) -> None:
    """Everything of one version, then the changes of stage of its model."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in _lines(one):
        table.add_row(label, Text(text))
    output.print(Text(f"{one['name']}@{one['version']} ", style="bold"), Text(one["stage"], _STYLE[one["stage"]]))
    output.print(table)
    for change in history:
        note = f": {change.note}" if change.note else ""
        output.print(f"{change.at[:19]}Z {change.action} of {change.version} by {change.author}{note}", soft_wrap=True)


def print_differences(before: str, after: str, found: Sequence[Difference]) -> None:
    """One line a difference."""
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("what", no_wrap=True)
    for column in (before, after):
        table.add_column(column, overflow="fold", ratio=1)
    table.add_column("change", justify="right", no_wrap=True)
    for one in found:
        change = "" if one.change is None else f"{one.change:+.4g}"
        table.add_row(one.what, Text(_short(one.before)), Text(_short(one.after)), change)
    output.print(table if found else f"{before} and {after} differ in nothing but their number")


def compared(found: Comparison | None, missing: Mapping[str, str]) -> dict[str, Any]:
    """A comparison with what follows from it."""
    if found is None:
        return {"orders": 0, "unmet": dict(missing)}
    told = plain(found) | {name: getattr(found, name) for name in ("agreement", "alert_rate_ratio", "cost_ratio")}
    told["champion_calibration"] = found.calibration(found.champion_alerts)
    told["challenger_calibration"] = found.calibration(found.challenger_alerts)
    for name, one in zip(("champion", "challenger"), found.labelled or (), strict=False):
        told |= {f"{name}_precision": one.precision, f"{name}_recall": one.recall}
    return told | {"unmet": dict(missing)}


def print_comparison(label: str, found: Comparison | None, missing: Mapping[str, str]) -> None:
    """Champion and challenger side by side, then what models.promotion asks for and is not met."""
    if found is None:
        output.print(f"{label} has not run in shadow beside the champion of now", soft_wrap=True)
    else:
        table = Table(box=None, pad_edge=False)
        for column in ("", found.champion, found.challenger):
            table.add_column(column, no_wrap=True)
        for row_ in _side_by_side(found):
            table.add_row(*row_)
        output.print(f"{found.orders:,} orders scored by both, abnormal from {found.alert_score:g}")
        output.print(table)
        rank = "not known" if found.rank_correlation is None else f"{found.rank_correlation:.3f}"
        output.print(f"agreement {found.agreement:.3f}, rank correlation {rank}, {found.labels:,} orders with a label")
    for name, why in missing.items():
        output.print(f"models.promotion.{name}: {why}", soft_wrap=True)


def _side_by_side(found: Comparison) -> list[tuple[str, str, str]]:
    alerts = (found.champion_alerts, found.challenger_alerts)
    rates = [f"{count:,} ({count / found.orders:.4%})" for count in alerts]
    scales = [f"{found.calibration(count):.2f}" for count in alerts]
    rows = [
        ("abnormal", *rates),
        ("over promised", *scales),
        ("µs an order", f"{found.champion_us:.1f}", f"{found.challenger_us:.1f}"),
    ]
    for what in ("precision", "recall") if found.labelled else ():
        shares = [getattr(one, what) for one in found.labelled or ()]
        rows.append((what, *("not known" if share is None else f"{share:.3f}" for share in shares)))
    return rows  # type: ignore[return-value]  # each has a word and two values


def _lines(one: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("part", one["part"]),
        ("parameters", ", ".join(f"{key}={value}" for key, value in one["params"].items())),
        ("features", ", ".join(one["features"])),
        ("feature hash", one["feature_hash"]),
        ("trained on", _training(one)),
        ("data hash", one["training"]["data_hash"] or "not given"),
        ("metrics", _metrics(one) or "none"),
        ("libraries", ", ".join(f"{key} {value}" for key, value in one["libraries"].items())),
        ("files", "\n".join(f"{name} {file['bytes']:,} bytes {file['sha256']}" for name, file in one["files"].items())),
        ("added", f"{one['created_at'][:19]}Z by {one['author']}"),
        ("note", one["note"]),
    ]


def _range(training: dict[str, Any]) -> str:
    known = training["start"] or training["end"]
    return f"{training['start']} to {training['end']}" if known else "not given"


def _training(one: dict[str, Any]) -> str:
    rows = one["training"]["rows"]
    return _range(one["training"]) + (f", {rows:,} rows" if rows else "")


def _metrics(one: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in one["metrics"].items())


def _short(value: Any) -> str:
    """A hash by its beginning, a list with commas."""
    if value is None:
        return "-"
    if isinstance(value, str) and len(value) == _LONG_HASH:
        return value[:_HASH]
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
