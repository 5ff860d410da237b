"""Plots as inline SVG, drawn by hand: rows with points and intervals, and steps. No script, no font, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate
from typing import Final

COLOURS: Final = ("#0b5fa5", "#c4561b", "#4c8c3f", "#8a4fa3", "#7a6a00")
"""Of the series, ours first; told apart by people who see few colours, and each has its own mark, too."""
_MARKS: Final = ("circle", "square", "diamond", "triangle", "cross")
_ROW, _LEFT, _RIGHT, _TOP, _WIDTH = 16.0, 150.0, 24.0, 34.0, 760.0
_R: Final = 4.0


@dataclass(frozen=True, slots=True)
class Point:
    """A value with its interval, of a series."""

    series: int
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What stands beside the axis, and its points."""

    name: str
    points: Sequence[Point]


def dot_plot(rows: Sequence[Row], title: str, most: float = 1.0, unit: str = "%", goal: float | None = None) -> str:
    """One line a row and series, from 0 to `most`; intervals as whiskers, `goal` as a dashed line."""
    edges = list(accumulate((_height(row) for row in rows), initial=_TOP))
    height = edges[-1] + 26.0
    parts = [
        f'<svg viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="img" aria-label="{escape(title)}">',
        *(_band(y, _height(row)) for y, row in list(zip(edges, rows, strict=False))[::2]),
        *_axis(most, unit, height, goal),
    ]
    for y, row in zip(edges, rows, strict=False):
        parts += _row(row, y, most)
    return "".join([*parts, "</svg>"])


def legend(names: Sequence[str]) -> str:
    """The series with their marks."""
    items = [
        f'<span><svg class="key" viewBox="-6 -6 12 12">{_mark(i, 0.0, 0.0)}</svg>{escape(name)}</span>'
        for i, name in enumerate(names)
    ]
    return f'<p class="legend">{"".join(items)}</p>'


def _height(row: Row) -> float:
    return _ROW * max(1, len(row.points)) * 0.75 + 8.0


def _x(value: float, most: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max(value / most, 0.0), 1.0)


def _axis(most: float, unit: str, height: float, goal: float | None) -> list[str]:
    parts = []
    for tick in range(6):
        value = most * tick / 5
        x = _x(value, most)
        text = f"{100 * value:.0f} %" if unit == "%" else f"{value:g}{unit}"
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 20:.1f}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{_TOP - 12}" text-anchor="middle">{text}</text>')
    if goal is not None:
        x = _x(goal, most)
        parts.append(f'<line class="goal" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 20:.1f}"/>')
    return parts


def _band(y: float, height: float) -> str:
    return f'<rect class="band" x="0" y="{y:.1f}" width="{_WIDTH:.0f}" height="{height:.1f}"/>'


def _row(row: Row, y: float, most: float) -> list[str]:
    height = _height(row)
    middle = y + height / 2 + 4
    parts = [
        f'<text class="name" x="{_LEFT - 10}" y="{middle:.1f}" text-anchor="end">{escape(row.name)}</text>',
    ]
    for i, point in enumerate(row.points):
        if point.value is not None:
            parts += _point(point, y + 4.0 + (i + 0.5) * (height - 8.0) / len(row.points), most)
    return parts


def _point(point: Point, y: float, most: float) -> list[str]:
    assert point.value is not None
    colour = COLOURS[point.series % len(COLOURS)]
    parts = []
    if point.low is not None and point.high is not None:
        low, high = _x(point.low, most), _x(point.high, most)
        parts.append(
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="2" '
            'opacity="0.45"/>'
        )
    return [*parts, _mark(point.series, _x(point.value, most), y)]


def _mark(series: int, x: float, y: float) -> str:
    colour, mark = COLOURS[series % len(COLOURS)], _MARKS[series % len(_MARKS)]
    if mark == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_R + 0.5}" fill="{colour}"/>'
    if mark == "cross":
        return (
            f'<path d="M{x - _R:.1f} {y - _R:.1f}L{x + _R:.1f} {y + _R:.1f}M{x - _R:.1f} {y + _R:.1f}'
            f'L{x + _R:.1f} {y - _R:.1f}" stroke="{colour}" stroke-width="2"/>'
        )
    corners = {
        "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
        "triangle": ((0, -1.2), (1.2, 1), (-1.2, 1)),
    }[mark]
    points = " ".join(f"{x + _R * dx:.1f},{y + _R * dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{colour}"/>'
