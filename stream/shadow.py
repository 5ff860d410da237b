"""A challenger that scores live traffic beside the champion: nobody hears of it, and both are compared.

What is compared is who finds which orders abnormal, at the same calibrated score. Time is taken on some batches
only, on which both score the same rows and learn nothing. A challenger that fails is put aside; the champion and
the alerts do not depend on it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from models.watch import OrderWatch, Watch
from stream.model_registry.side_by_side import SideBySide

if TYPE_CHECKING:
    from features.batch import F64, Batch, Flag
    from models.calibration import Calibration
    from models.detector import Detector
    from stream.model_registry.serving import Served

log = logging.getLogger(__name__)

_PAIRS: Final = 4_096
_TIMED_EVERY: Final = 16


class ShadowReport(SideBySide, frozen=True, kw_only=True):
    """What a challenger did beside a champion, in one life of one worker."""

    detector: str
    run: str


class Shadow:
    """A challenger of one detector, at work on every partition.

    Parameters
    ----------
    detector, champion
        The detector's name, and the model that serves.
    model, copies
        The challenger, and a copy of it for each partition.
    alert_score
        Calibrated score from which an order is abnormal.
    run
        Tells this life of this worker from all others.
    """

    def __init__(
        self,
        detector: str,
        champion: str,
        model: Served,
        copies: Sequence[tuple[Detector, Calibration]],
        alert_score: float,
        run: str,
    ) -> None:
        """Nothing has been scored."""
        self.detector, self.champion, self.challenger = detector, champion, model.version
        features = model.package.features
        self.watches = [OrderWatch(model.version, 0.0, alert_score, scale, one, features) for one, scale in copies]
        self.is_well = True
        self._alert_score, self._run = alert_score, run
        self._orders = self._champion_alerts = self._challenger_alerts = self._agreeing = 0
        self._pairs, self._seen = np.full((_PAIRS, 2), np.nan), 0
        self._batches, self._timed_orders, self._seconds = 0, 0, np.zeros(2)

    def look(self, partition: int, batch: Batch, watches: Sequence[Watch]) -> None:
        """Score a batch that the partition's champion has just scored."""
        champion = next((one for one in watches if one.name == self.detector), None)
        if not self.is_well or not len(batch.created) or not isinstance(champion, OrderWatch):
            return
        try:
            self._look(batch, champion, self.watches[partition])
        except Exception:
            self.is_well = False
            log.exception("%s fails in shadow and is put aside; %s serves on", self.challenger, self.champion)

    def report(self) -> ShadowReport:
        """How they compare so far."""
        champion_us, challenger_us = (1e6 * self._seconds / max(self._timed_orders, 1)).tolist()
        return ShadowReport(
            detector=self.detector,
            champion=self.champion,
            challenger=self.challenger,
            run=self._run,
            alert_score=self._alert_score,
            orders=self._orders,
            champion_alerts=self._champion_alerts,
            challenger_alerts=self._challenger_alerts,
            agreeing=self._agreeing,
            rank_correlation=_rank_correlation(self._pairs),
            champion_us=champion_us,
            challenger_us=challenger_us,
        )

    def _look(self, batch: Batch, champion: OrderWatch, challenger: OrderWatch) -> None:
        if self._batches % _TIMED_EVERY == 0:
            self._take_time(batch, champion, challenger)
        self._batches += 1
        challenger.look(batch)
        both = ~(np.isnan(champion.raw) | np.isnan(challenger.raw))
        self._orders += int(np.count_nonzero(both))
        there, here = (self._is_abnormal(watch) & both for watch in (champion, challenger))
        self._champion_alerts += int(np.count_nonzero(there))
        self._challenger_alerts += int(np.count_nonzero(here))
        self._agreeing += int(np.count_nonzero(there & here))
        self._keep(champion.raw[both], challenger.raw[both])

    def _is_abnormal(self, watch: OrderWatch) -> Flag:
        abnormal: Flag = watch.scores >= self._alert_score
        return abnormal

    def _take_time(self, batch: Batch, champion: OrderWatch, challenger: OrderWatch) -> None:
        began = time.perf_counter()
        champion.score(batch)
        between = time.perf_counter()
        challenger.score(batch)
        self._seconds += (between - began, time.perf_counter() - between)
        self._timed_orders += len(batch.created)

    def _keep(self, there: F64, here: F64) -> None:
        """Keep the latest pairs of raw scores."""
        there, here = there[-_PAIRS:], here[-_PAIRS:]
        at = (self._seen + np.arange(len(there))) % _PAIRS
        self._pairs[at, 0], self._pairs[at, 1] = there, here
        self._seen += len(there)


def _rank_correlation(pairs: F64) -> float | None:
    """Spearman's, of rows without a NaN; None where one of the two is always the same."""
    known = pairs[~np.isnan(pairs[:, 0])]
    if len(known) < 2 or (np.ptp(known, axis=0) == 0).any():  # noqa: PLR2004  # a correlation takes two
        return None
    ranks = np.argsort(np.argsort(known, axis=0, kind="stable"), axis=0, kind="stable").astype(float)
    return float(np.corrcoef(ranks, rowvar=False)[0, 1])
