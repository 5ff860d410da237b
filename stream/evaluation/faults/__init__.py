"""What goes wrong in real orders: one file a fault, its class the file's name in CamelCase."""

from __future__ import annotations

from config import registry
from stream.evaluation.fault import Fault


def known() -> dict[str, type[Fault]]:
    """Every fault by its name.

    >>> {"total_gap", "price_times_ten"} <= known().keys()
    True
    """
    return registry.discover(__name__, Fault)
