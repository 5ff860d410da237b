"""A comparison as one HTML file that needs no other: figures, drawings, and every alert that came or went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from stream.backtest.svg import bars, intervals, timeline
from stream.backtest.told import cut, figures, headline, moved, place

if TYPE_CHECKING:
    from stream.backtest.comparison import Comparison
    from stream.backtest.episode import Episode

_MOST_SHOWN: Final = 500
_STYLE: Final = """
:root { color-scheme: light dark; --old: #c2410c; --new: #1d4ed8; --same: #78716c; --line: #8884; }
@media (prefers-color-scheme: dark) { :root { --old: #fb923c; --new: #60a5fa; --same: #a8a29e; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; overflow-wrap: break-word; }
@media (min-width: 40rem) { th, td:first-child { white-space: nowrap; } }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: currentColor; }
.old { fill: var(--old); color: var(--old); } .new { fill: var(--new); color: var(--new); }
.same { fill: var(--same); color: var(--same); }
.whisker { stroke-width: 3; } .whisker.old { stroke: var(--old); } .whisker.new { stroke: var(--new); }
.grid { stroke: var(--line); } .axis { stroke: currentColor; }
code { font-size: .9em; }
"""


def html(found: Comparison, title: str = "Backtest") -> str:
    """The whole report."""
    body = "\n".join(_body(found, title))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _body(found: Comparison, title: str) -> Iterator[str]:
    yield f"<h1>{escape(title)}</h1><p><strong>{escape(headline(found))}.</strong></p>"
    if found.changes:
        yield "<h2>What was changed</h2>"
        yield _table(("setting", "old", "new"), ((change.path, change.old, change.new) for change in found.changes))
    yield "<h2>Old beside new</h2>"
    yield _table(("", "old", "new"), figures(found))
    yield from _drawings(found)
    yield "<h2>By family</h2>"
    families = ((family, *map(str, found.count(family))) for family in found.families)
    yield _table(("family", "added", "removed", "unchanged"), families)
    yield f"<p>{escape(moved(found).capitalize())}.</p>"
    for name, incidents in (("caught", found.newly_caught), ("missed", found.newly_missed)):
        if incidents:
            yield f"<h2>Incidents newly {name}</h2>{_list(incidents)}"
    for name, episodes in (("added", found.alerts.added), ("removed", found.alerts.removed)):
        yield from _alerts(name, episodes)


def _drawings(found: Comparison) -> Iterator[str]:
    if found.families:
        yield (
            '<h2>When</h2><p><span class="new">▲ added</span>, <span class="old">▼ removed</span>, '
            '<span class="same">● unchanged</span></p>'
        )
        yield timeline(found)
    yield '<h2>Alerts a day</h2><p><span class="old">■ old</span>, <span class="new">■ new</span></p>'
    yield bars(found)
    sides = [(side.labelled, name) for side, name in ((found.old, "old"), (found.new, "new")) if side.labelled]
    if sides:
        yield "<h2>Precision and recall, with 95 % intervals</h2>"
        yield intervals(
            [(f"precision, {name}", name, labelled.precision) for labelled, name in sides]
            + [(f"recall, {name}", name, labelled.recall) for labelled, name in sides]
        )


def _alerts(name: str, episodes: Sequence[Episode]) -> Iterator[str]:
    if episodes:
        few, rest = cut(episodes, _MOST_SHOWN)
        yield f"<h2>Alerts {name}</h2>"
        yield _table(("time (UTC)", "severity", "kind", "about", "what"), map(place, few))
        yield f"<p>{rest}</p>" if rest else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"
