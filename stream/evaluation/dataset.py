"""The form of a data set: its file, who reads it, the settings of such a shop, and what is known to be odd in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from stream.importers.source import Event
from stream.simulator.label import Label


class DataSet:
    """Real orders. `overrides` are what such a shop would set; `found` really happened, and is no false alarm."""

    file: ClassVar[str]
    events: ClassVar[Callable[[Path], Iterator[Event]]]
    overrides: ClassVar[Mapping[str, Any]] = {}
    found: ClassVar[Sequence[Label]] = ()
