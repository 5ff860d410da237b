"""What a detector without incidents of its own tells: at most so many alerts a day, none twice within a cooldown."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any, Final

from models.verdict import family_of
from stream.alert import instant
from stream.evaluation.trial import DAY_MS, Trial
from stream.evaluation.watcher import ANY_FAMILY

COOLDOWN_MS: Final = 900_000


def teller_of(trial: Trial) -> Teller:
    """One with the budget of the trial; what names no cause may take the room of every family there is to catch."""
    budget = trial.settings.alerts.budget_per_day
    families = {family_of(kind) for label in trial.labels for kind in label.kinds[:1]}
    return Teller(unnamed_per_day=budget * max(1, len(families)), per_day=budget)


class Teller:
    """Lets alerts pass as they come while there is room within any 24 hours, and none twice within the cooldown.

    Of alerts that know no family there may be `unnamed_per_day`, of those of a family `per_day`.

    >>> teller = Teller(unnamed_per_day=1, per_day=5)
    >>> [teller.tell("any.odd", "order", f"o{n}", 1_000 * n, ["o"]) for n in (1, 2)], len(teller.alerts)
    ([True, False], 1)
    """

    def __init__(self, unnamed_per_day: int, per_day: int) -> None:
        """Nothing has been told."""
        self.alerts: list[dict[str, Any]] = []
        self.held_back = 0
        self._unnamed_per_day, self._per_day = unnamed_per_day, per_day
        self._told: defaultdict[str, deque[int]] = defaultdict(deque)
        self._quiet_until_ms: dict[str, int] = {}

    def tell(
        self,
        kind: str,
        entity_type: str,
        key: str,
        time_ms: int,
        order_ids: Sequence[str] = (),
        since_ms: int | None = None,
    ) -> bool:
        """Tell of one condition, if there is room for it."""
        family = family_of(kind)
        fingerprint, told = f"{kind}/{entity_type}/{key}", self._told[family]
        while told and told[0] <= time_ms - DAY_MS:
            told.popleft()
        if time_ms < self._quiet_until_ms.get(fingerprint, 0):
            self._quiet_until_ms[fingerprint] = time_ms + COOLDOWN_MS
            return False
        if len(told) >= (self._unnamed_per_day if family == ANY_FAMILY else self._per_day):
            self.held_back += 1
            return False
        told.append(time_ms)
        self._quiet_until_ms[fingerprint] = time_ms + COOLDOWN_MS
        self.alerts.append(
            {
                "id": f"{fingerprint}@{time_ms}",
                "time": instant(time_ms),
                "data": {
                    "kind": kind,
                    "status": "firing",
                    "fingerprint": fingerprint,
                    "startsAt": instant(time_ms if since_ms is None else since_ms),
                    "entity": {"type": entity_type, "key": key},
                    "order_ids": list(order_ids),
                },
            }
        )
        return True
