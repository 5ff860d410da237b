"""The form of a watcher: it reads a trial from its start, and tells alerts as the contract writes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, ClassVar, Final, Self

from stream.evaluation.trial import Trial

ANY_FAMILY: Final = "any"
"""Family of an alert that names an order and no cause; scoring lets it catch whatever befell that order."""


class Watcher(ABC):
    """Reads trials one by one, each with a memory of its own.

    `title` is what a reader calls it. `thresholds` are the settings that are tried on tune trials; one that has none
    to choose is not tuned. `package` is what has to be installed for it beside this project's own needs.
    """

    title: ClassVar[str]
    thresholds: ClassVar[tuple[float, ...]] = ()
    package: ClassVar[str | None] = None

    @classmethod
    def is_installed(cls) -> bool:
        """Whether the package that it stands on is there."""
        return cls.package is None or find_spec(cls.package) is not None

    @classmethod
    @abstractmethod
    def at(cls, threshold: float | None) -> Self:
        """Make one with a threshold of `thresholds`, None: as it comes."""

    @abstractmethod
    def watch(self, trial: Trial) -> Sequence[dict[str, Any]]:
        """Alerts (CloudEvents, or as much of them as scoring reads) of the whole trial, in order of event time."""
