"""`orderwatch parts`: every feature, rule and detector there is, and the catalogue of what they find."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from stream.cli.options import AsJson, ConfigFiles, settings_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from config.settings import Settings
    from stream.catalogue import Entry

_SECTIONS = {"features": "feature", "rules": "rule", "detectors": "detector"}
_COLOURS: Final = {"critical": "bold red", "high": "yellow", "medium": "cyan", "low": "dim"}


@dataclass(frozen=True, slots=True)
class Part:
    """One row of the list."""

    section: str
    name: str
    on: bool
    what: str
    parameters: list[str]


def parts(
    catalogue: Annotated[
        bool,
        typer.Option("--catalogue", help="By kind of alert: who raises it, who answers it, how soon, with what."),
    ] = False,
    as_json: AsJson = False,
    config: ConfigFiles = None,
) -> None:
    """List features, rules and detectors, or the kinds of alert that come of them."""
    settings = settings_from(config)
    if as_json:
        listed = _entries(settings) if catalogue else _parts(settings)
        typer.echo(json.dumps([asdict(row) for row in listed], indent=2))
    elif catalogue:
        _print_catalogue(_entries(settings))
    else:
        _print(_parts(settings))


def _parts(settings: Settings) -> list[Part]:
    return [part for section in _SECTIONS for part in _section(section, getattr(settings, section))]


def _entries(settings: Settings) -> list[Entry]:
    from config.policy import Policy
    from stream.catalogue import catalogue

    return catalogue(settings, Policy.load(settings.alerts.policy_file))


def _section(section: str, chosen: dict[str, Any]) -> list[Part]:
    from config.registry import parameters
    from stream.assembly import parts_of, title

    return [
        Part(section, name, name in chosen and chosen[name].on, title(part), parameters(part))
        for name, part in parts_of(_SECTIONS[section]).items()
    ]


def _print(listed: list[Part]) -> None:
    from rich.table import Table

    from stream.cli.terminal import output

    for section in _SECTIONS:
        table = Table(title=section, title_justify="left", title_style="bold", box=None, expand=True)
        table.add_column("on", no_wrap=True)
        table.add_column("name", no_wrap=True)
        table.add_column("what it is", ratio=1)
        for part in (part for part in listed if part.section == section):
            table.add_row("[green]on[/]" if part.on else "[dim]off[/]", part.name, _described(part))
        output.print(table, "")


def _described(part: Part) -> Text:
    from rich.text import Text

    known = f"\n{', '.join(part.parameters)}" if part.parameters else ""
    return Text.assemble(part.what, (known, "dim"))


def _print_catalogue(entries: list[Entry]) -> None:
    from rich.table import Table

    from stream.cli.terminal import output

    for entry in entries:
        table = Table(title=_heading(entry), title_justify="left", title_style="", box=None, show_header=False)
        table.add_column(no_wrap=True, style="dim")
        table.add_column(ratio=1)
        for label, text in _lines(entry):
            table.add_row(f"  {label}", text)
        output.print(table, "")


def _heading(entry: Entry) -> Text:
    from rich.text import Text

    answer = f"  {entry.owner} within {entry.respond_within_minutes} min"
    return Text.assemble((entry.kind, "bold"), "  ", (entry.severity, _COLOURS[entry.severity]), answer)


def _lines(entry: Entry) -> Iterator[tuple[str, Text]]:
    from rich.text import Text

    for source in entry.parts:
        yield "part", Text(f"{source.name}: {source.what}" + ("" if source.on else " (off)"))
    yield "do", Text(entry.recommended_action)
    if entry.min_count > 1:
        yield "from", Text(f"{entry.min_count} times on")
    yield "see", Text(", ".join(f"orderwatch simulate --incident {name}" for name in entry.scenarios) or "none yet")
