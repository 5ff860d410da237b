"""The head of an evaluation's page: a line for each kind of orders, how to read it, and what was aimed at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Final

from stream.evaluation.figures import ALL, Figures
from stream.evaluation.html_table import number, percent, table
from stream.evaluation.report import Report
from stream.evaluation.targets import Target

_HOW_TO_READ: Final = """\
Faults were put into orders whose truth is known; each detector read the same orders, in order, under the same budget.

Caught: an alert of the fault's family names it, or an order of it, before it is too late to help. Precision: the share
of alerts that belong to a fault; all else counts as false, though some of what is told of real orders is true.

Told after: the median time from the first sign of a fault to its alert; orders seen: how many it had touched by then.
Prevented: the share of the loss that was still to come.

Thresholds of the other detectors were chosen on other seeds and dates than are reported (see What was read): the one
that catches most, and of equals the one with fewest false alerts."""
_HEADINGS: Final = (
    "orders",
    "days",
    "recall",
    "precision",
    "false a day",
    "best of the others",
    "recall",
    "false a day",
)


def anchor(source: str, level: str) -> str:
    """Where on the page a source's figures begin.

    >>> anchor("olist", "medium")
    'olist-medium'
    """
    return f"{source}-{level}"


def overview(report: Report) -> Iterator[str]:
    """A line a source, beside the one of the others that catches most there; links to what follows."""
    of_all = [one for one in report.families if one.of == ALL]
    by_source = [list(lines) for _, lines in groupby(of_all, key=lambda one: (one.source, one.level))]
    if by_source:
        yield "<h2>At a glance</h2>"
        yield table(_HEADINGS, [_glance(lines, report) for lines in by_source], text=(5,))
        links = (
            f'<a href="#{escape(anchor(lines[0].source, lines[0].level))}">{escape(_orders(lines[0]))}</a>'
            for lines in by_source
        )
        yield f"<p>Figures by family: {' · '.join(links)}</p>"
    told = "".join(f"<p>{escape(line)}</p>" for line in _HOW_TO_READ.split("\n\n"))
    yield f"<details><summary>How to read this page</summary>{told}</details>"


def goals(report: Report) -> Iterator[str]:
    """What was aimed at; what each family is beside the others is folded away where it was reached."""
    reached = sum(one.reached for one in report.targets)
    yield f"<h2>What is aimed at: {reached} of {len(report.targets)} reached</h2>"
    folded = [one for one in report.targets if one.reached and one.beside]
    shown = [one for one in report.targets if one not in folded]
    yield _aims(sorted(shown, key=lambda one: one.reached), report)
    if folded:
        title = f"Families that are no worse than the best of the others: {len(folded)}"
        yield f"<details><summary>{title}</summary>{_aims(folded, report)}</details>"


def _orders(one: Figures | Target) -> str:
    return f"{one.source}, {one.level}"


def _glance(lines: Sequence[Figures], report: Report) -> list[str]:
    own = next(one for one in lines if one.watcher == report.ours)
    others = [one for one in lines if one.watcher != report.ours]
    cells = [_orders(own), f"{own.days:.0f}", percent(own.recall), percent(own.precision), number(own.false_a_day)]
    if not others:
        return [*cells, "-", "-", "-"]
    best = max(others, key=lambda one: one.recall.value or 0.0)
    return [*cells, report.titles[best.watcher], percent(best.recall), number(best.false_a_day)]


def _aims(targets: Iterable[Target], report: Report) -> str:
    return table(("orders", "what", "wanted", "got", ""), (_aim(one, report) for one in targets), text=(1,))


def _aim(one: Target, report: Report) -> list[str]:
    what = f"{one.what}, beside {report.titles.get(one.beside, one.beside)}" if one.beside else one.what
    wanted = f"{'at most' if one.at_most else 'at least'} {_amount(one, one.wanted)}"
    got = "-" if one.got is None else _amount(one, one.got)
    return [_orders(one), what, wanted, got, "reached" if one.reached else "not reached"]


def _amount(one: Target, value: float) -> str:
    """What may be at most so much is a number a day, all else a share."""
    return f"{value:.2f}" if one.at_most else f"{value:.1%}"
