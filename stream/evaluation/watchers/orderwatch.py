"""The pipeline of the stream itself, under the settings of the trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import msgspec

from stream.evaluation.trial import Trial
from stream.evaluation.watcher import Watcher
from stream.replay import replay


class Orderwatch(Watcher):
    """What this project ships. It is tuned in its settings, not here."""

    title: ClassVar[str] = "orderwatch"

    @classmethod
    def at(cls, threshold: float | None) -> Self:  # noqa: ARG003  # one form for every watcher
        """Make it; there is one."""
        return cls()

    def watch(self, trial: Trial) -> Sequence[dict[str, Any]]:
        """Every alert of a replay."""
        written: list[bytes] = []
        replay(trial.lines, trial.settings, trial.register, on_alert=lambda alert: written.append(alert.data))
        return [msgspec.json.decode(data) for data in written]
