"""When an alert counts as having caught a fault: of its family, in its direction, and while that still helps."""

from __future__ import annotations

from typing import Final

from models.verdict import family_of
from stream.evaluation.watcher import ANY_FAMILY
from stream.simulator.label import Label
from stream.simulator.scorecard import Catches

LATEST_SECONDS: Final = {"simulator": 12 * 3_600.0}
"""How long after a fault's last sign an alert still counts; parcels of the simulated shop arrive within hours."""
LATEST_REAL_SECONDS: Final = 10 * 86_400.0

_FEWER: Final = frozenset({"volume.drop", "volume.zero"})


def catches_of(source: str) -> Catches:
    """The rule for trials of a source.

    An alert of `volume` must say what happened: silence does not catch a surge. Alerts of other families may give
    another reason of the same family. An alert that names an order and no cause (`any`) catches whatever befell it.

    >>> surge = Label("flash_surge", ("volume.surge",), (), "overall/all", 0, 1)
    >>> [catches_of("simulator")(surge, kind, 1) for kind in ("volume.surge", "volume.zero", "any.odd")]
    [True, False, True]
    """
    latest_ms = round(1_000 * LATEST_SECONDS.get(source, LATEST_REAL_SECONDS))

    def catches(label: Label, kind: str, time_ms: int) -> bool:
        if time_ms > label.ends_at_ms + latest_ms:
            return False
        family = family_of(kind)
        if family == "volume":
            return kind in label.kinds or (kind in _FEWER and not _FEWER.isdisjoint(label.kinds))
        return family == ANY_FAMILY or family in label.families

    return catches
