"""One file an incident, found by its file's name; its class is that name in CamelCase."""

from __future__ import annotations

from typing import Any

from config import registry
from config.sections import PartSettings
from stream.simulator.incident import Incident


def known() -> dict[str, type[Incident]]:
    """Every incident by its name.

    >>> {"flash_surge", "price_typo"} <= known().keys()
    True
    """
    return registry.discover(__name__, Incident)


def make(name: str, **parameters: Any) -> Incident:
    """Make an incident by its name; raises ConfigRefused naming what is unknown or out of its limits.

    >>> make("total_gap", after_seconds=7200).duration_seconds
    3600.0
    """
    section = {name: PartSettings(on=True, params=parameters)}
    return registry.build(known(), section, "incident")[name]
