"""Who reads a trial and tells alerts: orderwatch as shipped, and what one would run instead. One file each."""

from __future__ import annotations

from config import registry
from stream.evaluation.watcher import Watcher


def known() -> dict[str, type[Watcher]]:
    """Every watcher by its name.

    >>> {"orderwatch", "three_sigma", "isolation_forest"} <= known().keys()
    True
    """
    return registry.discover(__name__, Watcher)
