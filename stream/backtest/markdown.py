"""A comparison as Markdown, to be pasted into a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from stream.backtest.told import cut, figures, headline, moved, place

if TYPE_CHECKING:
    from stream.backtest.comparison import Comparison
    from stream.backtest.episode import Episode

_MOST_SHOWN: Final = 50
_ESCAPED: Final = {char: f"\\{char}" for char in r"\`*_[]|~"} | {char: f"&#{ord(char)};" for char in "&<>@"}


def markdown(found: Comparison, title: str = "Backtest") -> str:
    """The whole report; long lists are folded."""
    return "\n".join(_lines(found, title)) + "\n"


def _lines(found: Comparison, title: str) -> Iterator[str]:
    yield from (f"## {_text(title)}", "", f"**{headline(found)}.**", "")
    yield from _table(("setting", "old", "new"), ((_code(c.path), _code(c.old), _code(c.new)) for c in found.changes))
    yield from _table(("", "old", "new"), (map(_text, row) for row in figures(found)))
    families = ((family, *map(str, found.count(family))) for family in found.families)
    yield from _table(("family", "added", "removed", "unchanged"), families)
    yield from (f"{moved(found).capitalize()}.", "")
    for name, incidents in (("caught", found.newly_caught), ("missed", found.newly_missed)):
        if incidents:
            yield from (f"Newly {name}: {_text('; '.join(incidents))}.", "")
    for name, episodes in (("added", found.alerts.added), ("removed", found.alerts.removed)):
        yield from _folded(name, episodes)


def _folded(name: str, episodes: Sequence[Episode]) -> Iterator[str]:
    if not episodes:
        return
    few, rest = cut(episodes, _MOST_SHOWN)
    yield from (f"<details><summary>{len(episodes):,} alerts {name}</summary>", "")
    yield from _table(("time (UTC)", "severity", "kind", "about", "what"), (map(_text, place(one)) for one in few))
    yield from ([rest, ""] if rest else [])
    yield from ("</details>", "")


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if lines:
        yield from (f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *lines, "")


def _text(text: str) -> str:
    """Text that means nothing to Markdown: names come from the orders, and anybody may place one."""
    return "".join(_ESCAPED.get(char, char) for char in " ".join(text.split()))


def _code(text: str) -> str:
    return f"`{' '.join(text.split()).replace('`', chr(39)).replace('|', chr(92) + '|')}`"
