"""The three drawings of the HTML report, as SVG: no script, no other file, and colours from the page's style."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

from stream.backtest.run import DAY_MS, Period
from stream.backtest.told import place

if TYPE_CHECKING:
    from stream.backtest.comparison import Comparison
    from stream.backtest.episode import Episode
    from stream.backtest.proportion import Proportion

_WIDTH: Final = 960
_LEFT: Final = 130
_RIGHT: Final = 20
_ROW: Final = 26
_BARS_HIGH: Final = 150
_TICKS: Final = 6
_STEPS_MS: Final = [60_000 * minutes for minutes in (1, 5, 15, 30, 60, 180, 360, 720)] + [
    DAY_MS * days for days in (1, 2, 7, 14, 28, 91, 182, 364)
]
_MOST_DAYS: Final = 400


def timeline(found: Comparison) -> str:
    """Each alert a mark: when it fired, in the row of its family, told apart by what the change did to it."""
    families, period = found.families, found.period
    groups = (
        ("unchanged", [new for _, new in found.alerts.unchanged]),
        ("removed", found.alerts.removed),
        ("added", found.alerts.added),
    )
    rows = {family: 18 + _ROW * i for i, family in enumerate(families)}
    marks = [_mark(one, group, period, rows[one.family]) for group, episodes in groups for one in episodes]
    names = [_label(_LEFT - 10, y + 4, family, "end") for family, y in rows.items()]
    lines = [f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>' for y in rows.values()]
    high = 18 + _ROW * len(families)
    return _drawing(high + 24, [*lines, *_axis(period, high), *names, *marks])


def bars(found: Comparison) -> str:
    """Alerts of each day (UTC), old beside new."""
    first, last = found.period.begin_ms // DAY_MS, (found.period.end_ms - 1) // DAY_MS
    days = range(max(first, last - _MOST_DAYS + 1), last + 1)
    counts = [(_per_day(side.run.episodes), name) for side, name in ((found.old, "old"), (found.new, "new"))]
    most = max([1, *(count for per_day, _ in counts for count in per_day.values())])
    step = (_WIDTH - _LEFT - _RIGHT) / len(days)
    wide = min(40.0, 0.4 * step)
    parts = [_label(_LEFT - 10, 14, f"{most:,}", "end"), _label(_LEFT - 10, _BARS_HIGH + 4, "0", "end")]
    for i, day in enumerate(days):
        middle = _LEFT + (i + 0.5) * step
        for k, (per_day, name) in enumerate(counts):
            parts.append(_bar(middle + (k - 1) * wide, wide, per_day[day], most, f"{_day(day)}, {name}", name))
        if i % max(1, -(-len(days) // _TICKS)) == 0:
            parts.append(_label(middle, _BARS_HIGH + 20, _day(day), "middle"))
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_BARS_HIGH}" y2="{_BARS_HIGH}"/>')
    return _drawing(_BARS_HIGH + 30, parts)


def intervals(rows: Sequence[tuple[str, str, Proportion]]) -> str:
    """Shares with their intervals: name, class of the colour (old or new), and the share."""
    parts = []
    for i, (name, group, one) in enumerate(rows):
        y = 18 + _ROW * i
        ends = f'x1="{_at(one.low):.1f}" x2="{_at(one.high):.1f}" y1="{y}" y2="{y}"'
        parts += [_label(_LEFT - 10, y + 4, name, "end"), f'<line class="whisker {group}" {ends}/>']
        if one.share is not None:
            parts.append(
                f'<circle class="{group}" cx="{_at(one.share):.1f}" cy="{y}" r="6">{_title(str(one))}</circle>'
            )
    high = 18 + _ROW * len(rows)
    for percent in range(0, 101, 20):
        x = _at(percent / 100)
        parts.insert(0, f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{high - 8}"/>')
        parts.append(_label(x, high + 8, f"{percent} %", "middle"))
    return _drawing(high + 16, parts)


def _at(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT - 20)


def _x(time_ms: int, period: Period) -> float:
    return _LEFT + (time_ms - period.begin_ms) / (period.end_ms - period.begin_ms) * (_WIDTH - _LEFT - _RIGHT)


def _mark(one: Episode, group: str, period: Period, y: float) -> str:
    x, title = _x(one.fired_ms, period), _title(f"{group}: {' | '.join(place(one))}")
    if group == "unchanged":
        return f'<circle class="same" cx="{x:.1f}" cy="{y}" r="4">{title}</circle>'
    tip, foot, name = (y - 9, y + 5, "new") if group == "added" else (y + 9, y - 5, "old")
    return f'<path class="{name}" d="M{x:.1f} {tip} L{x - 7:.1f} {foot} L{x + 7:.1f} {foot} Z">{title}</path>'


def _axis(period: Period, y: float) -> Iterator[str]:
    yield f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
    step_ms = next((step for step in _STEPS_MS if (period.end_ms - period.begin_ms) / step <= _TICKS), _STEPS_MS[-1])
    form = "%d %b %H:%M" if step_ms < DAY_MS else "%d %b %Y"
    for time_ms in range(-(-period.begin_ms // step_ms) * step_ms, period.end_ms, step_ms):
        x = _x(time_ms, period)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 5}"/>'
        yield _label(x, y + 18, datetime.fromtimestamp(time_ms / 1_000, UTC).strftime(form), "middle")


def _bar(x: float, wide: float, count: int, most: int, when: str, group: str) -> str:
    high = (_BARS_HIGH - 10) * count / most
    title = _title(f"{when}: {count:,} alerts")
    at = f'x="{x:.1f}" y="{_BARS_HIGH - high:.1f}" width="{wide:.1f}" height="{high:.1f}"'
    return f'<rect class="{group}" {at}>{title}</rect>'


def _per_day(episodes: Iterable[Episode]) -> Counter[int]:
    return Counter(episode.fired_ms // DAY_MS for episode in episodes)


def _day(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_MS / 1_000, UTC).strftime("%d %b %Y")


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>"


def _drawing(high: float, parts: Iterable[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {high:.0f}" role="img">{"".join(parts)}</svg>'
