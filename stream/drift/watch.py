"""Windows of logged rows against a reference: which features and scores have moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from features.drift import ColumnDrift, column_drift
from stream.feature_log import VERDICT
from stream.scored_rows import RAW, SCORE

if TYPE_CHECKING:
    from config.sections import DriftSettings
    from features.drift import F64

ABNORMAL: Final = "abnormal"
"""A value for an order with a verdict, none for one without: what is missing of it is the drift of the labels."""
_NO_FEATURE: Final = frozenset({"offset", "began", "partition", VERDICT[0], "label"})
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Moved:
    """A column of a window that is not what it was.

    `before`, `after` : the values of the reference and of the window, NaN for none.
    """

    drift: ColumnDrift
    end_ms: int
    before: F64
    after: F64

    @property
    def entity_type(self) -> str:
        """feature, or score."""
        return "score" if self.drift.column.startswith(RAW) else "feature"


@dataclass(slots=True)
class _Series:
    """A column: its reference, whether that is whole, and the window that is being filled."""

    reference: list[F64] = field(default_factory=list)
    is_whole: bool = False
    window: list[F64] = field(default_factory=list)


class DriftWatch:
    """Looks at every column of numbers of the feature log.

    The first `drift.reference_rows` rows are what is usual, unless a reference is given; each following
    `drift.window_rows` rows are compared with it. A score of a model begins anew when another model serves.

    Parameters
    ----------
    settings
        How many rows, and how much is a drift.
    """

    def __init__(self, settings: DriftSettings) -> None:
        """Nothing has been seen."""
        self._settings = settings
        self._series: dict[str, _Series] = {}
        self._versions = ""

    def set_reference(self, rows: Any) -> None:
        """Take what is usual from a table of `features.history`."""
        for name, values in self._columns(rows):
            self._series[name] = _Series([values], is_whole=True)

    def take(self, rows: Any) -> Iterator[Moved]:
        """Take in the rows of a block, in their order; what the windows that it fills show to have moved."""
        self._forget_scores_of_old_models(rows)
        end_ms = last_ms(rows)
        for name, values in self._columns(rows):
            yield from self._add(name, self._series.setdefault(name, _Series()), values, end_ms)

    def _add(self, name: str, series: _Series, values: F64, end_ms: int) -> Iterator[Moved]:
        if not series.is_whole:
            missing = self._settings.reference_rows - sum(map(len, series.reference))
            series.reference.append(values[:missing])
            series.is_whole, values = len(values) >= missing, values[missing:]
        series.window.append(values)
        if sum(map(len, series.window)) < self._settings.window_rows:
            return
        before, after = np.concatenate(series.reference), np.concatenate(series.window)
        series.reference, series.window = [before], []
        drift = column_drift(name, before, after)
        if self._has_moved(drift):
            yield Moved(drift, end_ms, before, after)

    def _has_moved(self, drift: ColumnDrift) -> bool:
        """Whether a measure is large enough to count, and not by chance."""
        settings, p = self._settings, self._settings.alert_p
        missing = abs(drift.missing_after - drift.missing_before)
        if drift.column == ABNORMAL:  # rare, so it is held against itself
            most = max(1.0 - drift.missing_before, 1.0 - drift.missing_after)
            return missing >= most * _HALF and drift.missing_p < p
        return (
            (drift.psi >= settings.min_psi and drift.psi_p < p)
            or (drift.ks >= settings.min_ks and drift.ks_p < p)
            or (missing >= settings.min_missing and drift.missing_p < p)
        )

    def _columns(self, rows: Any) -> Iterator[tuple[str, F64]]:
        import pyarrow as pa

        for column in rows.schema:
            name = column.name
            is_looked_at = name not in {*_NO_FEATURE, *self._settings.ignored} and not name.startswith(SCORE)
            if is_looked_at and pa.types.is_floating(column.type):
                yield name, np.asarray(rows[name].to_numpy(), np.float64)
        yield ABNORMAL, np.where(np.isnan(np.asarray(rows[VERDICT[0]].to_numpy(), np.float64)), np.nan, 1.0)

    def _forget_scores_of_old_models(self, rows: Any) -> None:
        versions = rows["versions"][0].as_py() if rows.num_rows else self._versions
        if versions != self._versions:
            for name in [name for name in self._series if name.startswith(RAW) and self._versions]:
                del self._series[name]
            self._versions = versions


def last_ms(rows: Any) -> int:
    """The latest time of some rows, since 1970 UTC; 0 where there is none."""
    import pyarrow as pa

    return int(rows["time"].cast(pa.int64()).to_numpy().max()) if rows.num_rows else 0
