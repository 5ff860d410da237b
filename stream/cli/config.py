"""`orderwatch config check`: whether a start would be refused, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.cli.options import PromotionsFile, promotions_from, settings_from


def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Settings laid over the default ones.")
    ] = None,
    promotions: PromotionsFile = None,
) -> None:
    """Say whether a start would be refused, and why.

    Checks settings, part names and their parameters, answer policy and promotion register.
    """
    settings = settings_from(files)
    register = promotions_from(promotions, settings)
    from stream.pipeline import Pipeline

    Pipeline(settings, promotions=register)
    on = {what: sum(part.on for part in getattr(settings, what).values()) for what in _PARTS}
    counted = ", ".join(f"{count} {what}" for what, count in on.items())
    typer.echo(f"the settings are good: {counted} on; {len(register.promotions)} promotions registered")


_PARTS = ("features", "rules", "detectors")
