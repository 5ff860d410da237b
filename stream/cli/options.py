"""Options that several commands share, and what they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from config.promotions import PromotionRegister
    from config.settings import Settings

ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option("--config", metavar="FILE", help="Settings laid over the default ones; may be repeated."),
]
PromotionsFile = Annotated[
    Path | None, typer.Option("--promotions", metavar="FILE", help="Promotion register, YAML or JSON.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]
Embedded = Annotated[
    bool, typer.Option("--embedded", help="Start a Kafka and a Redis of its own, in memory, for this run.")
]


def settings_from(files: list[Path] | None, **overrides: Any) -> Settings:
    """Load the settings with the files of `--config` over them."""
    from config.settings import load

    return load(*(files or ()), **overrides)


def promotions_from(file: Path | None, settings: Settings) -> PromotionRegister:
    """Read the register of `--promotions`, else that of the settings, else an empty one."""
    from config.promotions import PromotionRegister

    file = file or settings.promotions.file
    return PromotionRegister({}) if file is None else PromotionRegister.load(file)
