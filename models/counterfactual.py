"""What would have been normal: the least that must change about an event, judged again before it is said.

An event is changed in one respect (a promotion left out, pieces, a price, the total, a payment, a stock level, a
stage's time), and what spoke of it is asked again: the rules of the verdict's kind by running them, the levels of its
family by the range that they expected. A change counts if all of them are content and it breaks no rule that was not
broken before. For a number, the bounds of what is normal are searched by bisection, and both are judged again.

A part that sums evidence over many events cannot be asked again, nor can a rule that reads such a feature: where one
gave the verdict nothing is said, and where one agreed it has no say.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from features.one_event import one_event
from models.case import Case, case_of
from models.knob import Knob, knobs
from models.normal_range import in_words, normal_range
from models.order_change import without_promotion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from features.batch import Batch
    from models.outlier import Outlier
    from models.rule import Rule
    from models.verdict import Verdict

_MOST: Final = 3


class Counterfactuals:
    """Searches what would have been normal.

    Parameters
    ----------
    rules
        The rules that are on, by name.
    outliers
        The outliers that are on, by name.
    """

    def __init__(self, rules: Mapping[str, Rule], outliers: Mapping[str, Outlier]) -> None:
        """Know the parts."""
        self._rules, self._outliers = rules, outliers

    def of(self, batch: Batch, at: int, verdict: Verdict) -> tuple[str, ...]:
        """What would have made the event at a position of the batch normal; at most three, the simplest first."""
        case = case_of(one_event(batch, at), verdict, self._rules, self._outliers)
        if case is None:
            return ()
        for search in (_promotions, _numbers):
            if found := tuple(islice(search(case), _MOST)):
                return found
        return ()


def _promotions(case: Case) -> Iterator[str]:
    for name in sorted(set(case.one.discounts.promotion)):
        if case.is_normal(without_promotion(case.one, name)):
            yield f"normal without promotion {name}"


def _numbers(case: Case) -> Iterator[str]:
    for knob in knobs(case):
        found = normal_range(knob, case.is_content)
        if found is not None and not _holds(case, knob, found):
            found = normal_range(knob, case.is_normal)
        if found is not None:
            yield f"normal if {knob.name} {in_words(knob, *found)}"


def _holds(case: Case, knob: Knob, found: tuple[int | None, int | None]) -> bool:
    return all(case.is_normal(knob.change(bound)) for bound in found if bound is not None)
