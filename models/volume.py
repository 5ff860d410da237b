"""Seasonal, over-dispersed volume baseline for few keys: surges, drops and silence at several time scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.keys import grown
from models.volume_clock import BusinessClock
from models.volume_panes import RANGE_TAIL, close_panes
from models.volume_season import ROW, Tuning, level_of
from models.volume_windows import RING_FIELDS, SPREAD_FIELDS

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

_CHUNK_PANES = 1 << 16


@dataclass(frozen=True, slots=True)
class Findings:
    """Surprising windows, as columns."""

    row: I64
    pane: I64  # the last pane of the window
    window_panes: I64
    observed: I64
    expected: F64
    low: I64
    high: I64
    p_value: F64
    direction: I64

    def __len__(self) -> int:
        return len(self.row)


def _findings(found: F64) -> Findings:
    f = found[np.lexsort((found[:, 0], found[:, 1]))]
    i = f[:, [0, 1, 2, 3, 5, 6, 8]].astype(np.int64)
    return Findings(i[:, 0], i[:, 1], i[:, 2], i[:, 3], f[:, 4], i[:, 4], i[:, 5], f[:, 7], i[:, 6])


def _keep(half_life_panes: float) -> float:
    return float(0.5 ** (1.0 / half_life_panes))


class SeasonalVolume:
    def __init__(self, *, pane_seconds=60, windows_panes=(1, 10, 60, 360), business_timezone="UTC", seasonal=True,
                 alert_p=1e-7, learn_p=1e-3, surge_ratio=1.5, drop_ratio=0.5, min_excess=10.0,
                 adopt_hours=48.0, retire_days=14.0, settle_hours=1.0, level_half_life_days=5.0,
                 profile_half_life_weeks=8.0, ratio_half_life_hours=8.0, spread_half_life_days=30.0,
                 ready_hours=24.0):
        hour = 3600.0 / pane_seconds
        self.tuning = Tuning(hour_panes=hour, level_keep=_keep(level_half_life_days*24*hour),
            hour_of_day_keep=_keep(profile_half_life_weeks*7*hour),day_of_week_keep=_keep(profile_half_life_weeks*24*hour),hour_of_week_keep=_keep(profile_half_life_weeks*hour), local_keep=_keep(ratio_half_life_hours*hour),
            spread_keep=_keep(spread_half_life_days*24*hour), quick_keep=_keep(6*hour), slow_keep=_keep(24*hour),
            settle_panes=int(settle_hours*hour),ready_panes=int(ready_hours*hour), adopt_panes=int(adopt_hours*hour), calm_panes=int(12*hour), retire_panes=int(retire_days*24*hour),
            alert_p=alert_p, learn_p=learn_p, surge_ratio=surge_ratio, drop_ratio=drop_ratio, min_excess=min_excess, seasonal=seasonal)
        self.windows = np.array(windows_panes, np.int64)
        self.clock = BusinessClock(business_timezone, pane_seconds=pane_seconds)
        n, L = 8, 1 << max(int(self.windows[-1]), self.tuning.settle_panes).bit_length()
        self.rows = np.zeros(n, ROW); self.rings=np.zeros((n,L,RING_FIELDS)); self.sums=np.zeros((n,len(self.windows),3)); self.spreads=np.zeros((n,len(self.windows),SPREAD_FIELDS))
        self.next = None
    def close(self, upto, rows, panes, counts, fresh=None):
        if fresh is None: fresh=np.zeros(len(rows),bool)
        o=np.lexsort((panes,rows)); rows,panes,counts,fresh=rows[o],panes[o],counts[o],fresh[o]
        if len(rows):
            new=np.ones(len(rows),bool); new[1:]=(rows[1:]!=rows[:-1])|(panes[1:]!=panes[:-1])
            at=np.flatnonzero(new)
            counts=np.add.reduceat(counts,at); fresh=np.logical_or.reduceat(fresh,at); rows=rows[at]; panes=panes[at]
            n=int(rows.max())+1
            self.rows=grown(self.rows,n); self.rings=grown(self.rings,n); self.sums=grown(self.sums,n); self.spreads=grown(self.spreads,n)
        first = self.next if self.next is not None else int(panes.min())
        h,g=self.clock.hours(first,upto+1)
        f,u=close_panes(self.rows,self.rings,self.sums,self.spreads,self.windows,first,h,g,rows,panes,counts,fresh,self.tuning)
        self.next=upto+1
        return _findings(f[:u])
