"""What the volume baselines find, how soon, how often in vain, and how fast: run it to see the figures.

python tests/benchmarks/bench_volume.py
"""

from __future__ import annotations

import gzip
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from models.volume import Findings, SeasonalVolume, SparseVolume

DATA = Path(os.environ.get("ORDERWATCH_DATA", "../shared/data"))
DAY = 1440
NIGHT = [3.4, 1.8, 0.8, 0.4, 0.3, 0.3, 0.6, 1.6]
DAYTIME = [3.8, 6.1, 8.0, 8.7, 8.0, 8.8, 8.6, 8.6, 8.7, 8.1, 7.4, 8.1, 8.2, 8.4, 7.9, 6.0]
HOURS = np.array(NIGHT + DAYTIME)
WEEKDAYS = np.array([1.15, 1.12, 1.08, 1.03, 1.0, 0.78, 0.84])
DISPERSION = 2.25


def usual(per_minute: float, days: int) -> np.ndarray:
    """Orders expected a minute."""
    minute = np.arange(days * DAY)
    hours = np.interp((minute % DAY) / 60, np.arange(-0.5, 25), np.r_[HOURS[-1], HOURS, HOURS[0]])
    return per_minute * hours / HOURS.mean() * WEEKDAYS[(minute // DAY + 3) % 7]


def clumped(mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Orders whose variance is 2.25 x the mean in every minute, hence in every hour."""
    return rng.negative_binomial(np.maximum(mean / (DISPERSION - 1), 1e-12), 1 / DISPERSION)


def wandering(mean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Orders that are Poisson within the hour, whose rate wanders from hour to hour and from day to day.

    An hour's variance is 2.25 x its mean up to 4 orders a minute; beyond, the rate wanders by 7 %, since no
    shop's hours are as good as equal.
    """
    hourly = mean.reshape(-1, 60).sum(axis=1)
    spread = np.maximum((DISPERSION - 1) / np.maximum(hourly, 1e-3), 0.005)
    hours = rng.gamma(1 / spread, spread)
    days = rng.gamma(100.0, 0.01, len(mean) // DAY)
    return rng.poisson(mean * np.repeat(hours, 60) * np.repeat(days, DAY))


def close(counts: np.ndarray) -> Findings:
    """All panes of rows of counts."""
    rows, panes = np.nonzero(counts)
    return SeasonalVolume().close(counts.shape[1] - 1, rows, panes, counts[rows, panes].astype(np.int64))


def spans(found: Findings, apart: int = 360) -> list[list[int]]:
    """First and last finding of each incident."""
    out: list[list[int]] = []
    for i, pane in enumerate(found.pane.tolist()):
        if out and pane - found.pane[out[-1][1]] <= apart:
            out[-1][1] = i
        else:
            out.append([i, i])
    return out


def row_of(found: Findings, row: int) -> Findings:
    """The findings of one row."""
    mine = found.row == row
    return Findings(*(getattr(found, name)[mine] for name in Findings.__slots__))


def false_alerts() -> None:
    """Incidents in normal traffic."""
    print("\nfalse incidents a row and day: 6 rows, 60 days of normal traffic")
    for per_minute in (0.1, 0.5, 2.0, 20.0, 200.0):
        line = f"  {per_minute:6.1f} orders/min"
        for name, draw in (("clumped", clumped), ("wandering", wandering)):
            rng = np.random.default_rng(1)
            found = close(np.stack([draw(usual(per_minute, 60), rng) for _ in range(6)]))
            total = sum(len(spans(row_of(found, row))) for row in range(6))
            line += f"   {name} {total / 360:.4f} ({total} in all)"
        print(line)


def delays() -> None:
    """Minutes until a change is found."""
    changes = {"to nothing": 0.0, "to 10 %": 0.1, "to 40 %": 0.4, "x 2": 2.0, "x 5": 5.0}
    for draw in (clumped, wandering):
        print(f"\nminutes until found, median (worst) of 12 days and hours; {draw.__name__} traffic; - is never")
        for learned in (2, 8, 28):
            for per_minute in (2.0, 20.0, 200.0):
                cells = [f"{name} {delay(draw, per_minute, change, learned)}" for name, change in changes.items()]
                print(f"  learned {learned:2d} days, {per_minute:5.0f} orders/min: " + ", ".join(cells))


def delay(draw, per_minute: float, change: float, learned: int) -> str:
    """One cell of the table."""
    minutes = []
    for seed in range(12):
        start = learned * DAY + (8 + seed) * 60 + 17
        mean = usual(per_minute, learned + 2)
        mean[start:] *= change
        found = close(draw(mean, np.random.default_rng(seed))[None, : start + 720])
        after = found.pane[found.pane >= start]
        minutes.append(after[0] - start + 1 if len(after) else np.inf)
    return " ".join(f"{x:.0f}" if np.isfinite(x) else "-" for x in (np.median(minutes),)) + (
        f" ({max(minutes):.0f})" if np.isfinite(max(minutes)) else " (-)"
    )


def shifts() -> None:
    """How long a lasting shift is told of."""
    print("\na lasting shift, 20 orders/min, learned 14 days: first finding, last finding")
    for change in (0.25, 0.4, 2.0, 3.0, 10.0):
        mean = usual(20.0, 24)
        start = 14 * DAY + 600
        mean[start:] *= change
        found = close(clumped(mean, np.random.default_rng(6))[None, :])
        first, last = found.pane.min() - start + 1, (found.pane.max() - start) / 60
        print(f"  x {change:5.2f}: after {first} min, last after {last:.1f} h, {len(found)} findings")


def minutes_of(name: str, field: str, since: str) -> np.ndarray | None:
    """Minutes of the orders of a public data set, if it is at hand."""
    path = DATA / name
    if not path.exists():
        print(f"\n{path} is not there; $ORDERWATCH_DATA names the folder")
        return None
    with gzip.open(path) as lines:
        texts = [json.loads(line)[field] for line in lines]
    times = [int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) for text in texts if text >= since]
    return np.sort(np.array(times)) // 60


def real(name: str, field: str, since: str) -> None:
    """Incidents of a real shop."""
    panes = minutes_of(name, field, since)
    if panes is None:
        return
    counts = np.ones_like(panes)
    start = time.process_time()
    found = SeasonalVolume().close(int(panes[-1]), np.zeros_like(panes), panes, counts)
    seconds = time.process_time() - start
    print(f"\n{name}: {len(panes)} orders, {panes[-1] - panes[0]} panes, {seconds:.2f} s, {len(found)} findings")
    for first, last in spans(found):
        odd = first + int(np.argmin(found.p_value[first : last + 1]))
        when = [
            datetime.fromtimestamp(int(found.pane[i]) * 60, UTC).strftime("%a %Y-%m-%d %H:%M") for i in (first, last)
        ]
        kinds = sorted(set(found.direction[first : last + 1].tolist()))
        print(
            f"  {when[0]} to {when[1]}  {kinds!s:10} {found.observed[odd]} in {found.window_panes[odd]} min, "
            f"expected {found.expected[odd]:.1f}, p {found.p_value[odd]:.0e}"
        )


def speed() -> None:
    """Panes and entries a second of processor time."""
    rng = np.random.default_rng(0)
    panes = rng.poisson(0.1, (5, 300 * DAY))
    close(panes[:, : 3 * DAY])
    start = time.process_time()
    close(panes)
    seconds = time.process_time() - start
    print(f"\nseasonal: 300 days of minutes, 5 rows, 4 windows: {seconds:.2f} s")
    rows, minutes = (
        rng.integers(0, 1_000_000, 4_000_000),
        np.sort(rng.integers(1000, 1000 + 2 * DAY, 4_000_000)),
    )
    for keys in (1_000_000, 20_000):
        volume, some = SparseVolume(), rows % keys
        volume.close(999, some[:0], some[:0], some[:0])
        start = time.process_time()
        volume.close(int(minutes[-1]), some, minutes, np.ones_like(some))
        seconds = time.process_time() - start
        print(f"sparse: {keys} keys, 4,000,000 entries: {seconds:.2f} s, {4 / seconds:.2f} M entries/s")
    print(f"sparse: {volume.get_state()['keys'].itemsize} bytes a key")


if __name__ == "__main__":
    speed()
    real("olist_orders_2016_2017.jsonl.gz", "purchase", "2017-01-05")
    real("uci_online_retail_to_2011_06.jsonl.gz", "ts", "2010-12-01")
    false_alerts()
    shifts()
    delays()
