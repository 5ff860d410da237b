"""Tables of an HTML page, and figures as a page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from stream.evaluation.bootstrap import Estimate
from stream.evaluation.duration import span_text


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], text: Sequence[int] = ()) -> str:
    """Rows of plain text under headings; columns of `text` are set to the left, as the first one is.

    >>> table(("a", "b"), [("1", "2 < 3")])
    '<div class="wide"><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2 &lt; 3</td></tr></table></div>'
    """
    head = "".join(f"<th{_side(i, text)}>{escape(heading)}</th>" for i, heading in enumerate(headings))
    body = "".join(f"<tr>{''.join(_cell(cell, i, text) for i, cell in enumerate(row))}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _cell(cell: str, i: int, text: Sequence[int]) -> str:
    style = {"reached": ' class="good"', "not reached": ' class="bad"'}.get(cell, _side(i, text))
    return f"<td{style}>{escape(cell)}</td>"


def _side(i: int, text: Sequence[int]) -> str:
    return ' class="text"' if i in text else ""


def percent(one: Estimate, *, interval: bool = True) -> str:
    """A share, and its interval.

    >>> percent(Estimate(0.9, 0.8, 1.0)), percent(Estimate(None))
    ('90.0% (80% to 100%)', '-')
    """
    if one.value is None:
        return "-"
    return f"{one.value:.1%} ({interval_text(one)})" if interval and one.low is not None else f"{one.value:.1%}"


def interval_text(one: Estimate) -> str:
    """From where to where."""
    return "" if one.low is None or one.high is None else f"{one.low:.0%} to {one.high:.0%}"


def number(one: Estimate, digits: int = 2) -> str:
    """The value with so many decimals."""
    return "-" if one.value is None else f"{one.value:,.{digits}f}"


def span(one: Estimate) -> str:
    """A duration."""
    return span_text(one.value)
