"""`orderwatch parts`: every feature, rule and detector there is, and what each is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import typer

from stream.cli.options import AsJson, ConfigFiles, settings_from

if TYPE_CHECKING:
    from rich.text import Text

_SECTIONS = {"features": "feature", "rules": "rule", "detectors": "detector"}


@dataclass(frozen=True, slots=True)
class Part:
    """One row of the list."""

    section: str
    name: str
    on: bool
    what: str
    parameters: list[str]


def parts(as_json: AsJson = False, config: ConfigFiles = None) -> None:
    """List features, rules and detectors."""
    settings = settings_from(config)
    listed = [part for section in _SECTIONS for part in _section(section, getattr(settings, section))]
    if as_json:
        typer.echo(json.dumps([asdict(part) for part in listed], indent=2))
        return
    _print(listed)


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
