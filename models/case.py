"""An event that was judged abnormal, and whether what spoke of it would speak again if the event were another one.

Rules are asked by running them, levels by the range that they expected. A part that sums evidence over many events
cannot be asked again, nor can a rule that reads such a feature: where one gave the verdict there is no case, and where
one agreed it has no say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from features.batch import Batch, Column
from models.verdict import Verdict, family_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from models.outlier import Outlier
    from models.rule import Rule

_SPREADS: Final = 4.0  # a range is the level with so many spreads on either side (`features.robust_level`)
_SAME: Final = 1e-6


class Case(NamedTuple):
    """An event that was judged abnormal, what spoke of it, and all that can be asked again.

    `levels` : by feature, the outlier that knows its range; `broken` : the rules that the event breaks as it is.
    """

    one: Batch
    verdict: Verdict
    spoke: list[Rule]
    far: list[Outlier]
    rules: dict[str, Rule]
    levels: dict[str, Outlier]
    broken: frozenset[str]

    def is_content(self, changed: Batch | None) -> bool:
        """Whether none of the parts that spoke would speak again."""
        if changed is None:
            return False
        read = {part.feature for part in self.far}.union(*(rule.reads for rule in self.spoke))
        self._follow(changed, read)
        if any(len(rule.check(changed)) for rule in self.spoke):
            return False
        return all(_is_usual(outlier, changed, self.verdict.entity) for outlier in self.far)

    def is_normal(self, changed: Batch | None) -> bool:
        """Whether all that spoke is content, and no other rule is broken by the change."""
        if changed is None or not self.is_content(changed):
            return False
        self._follow(changed, self.levels.keys())
        return self.broken.issuperset(_broken(self.rules, changed))

    def _follow(self, changed: Batch, features: Collection[str]) -> None:
        """Let these features' columns follow the change."""
        if features:
            changed.columns = changed.columns | {name: _column(self.levels[name], changed) for name in features}


def case_of(
    one: Batch, verdict: Verdict, all_rules: Mapping[str, Rule], outliers: Mapping[str, Outlier]
) -> Case | None:
    """The case of one event and its verdict; None where what gave the verdict cannot be asked again."""
    levels = {part.feature: part for part in outliers.values() if _is_level(part, one)}
    rules = {name: rule for name, rule in all_rules.items() if levels.keys() >= set(rule.reads)}
    own = [signal.part for signal in verdict.signals if family_of(signal.kind) == family_of(verdict.kind)]
    spoke = [rules[name] for name in own if name in rules and rules[name].kind == verdict.kind]
    far = [outliers[name] for name in own if name in outliers and outliers[name].feature in levels]
    if own[0] not in rules and outliers.get(own[0]) not in far:
        return None
    case = Case(one, verdict, spoke, far, rules, levels, frozenset(_broken(rules, one)))
    # one that is content with the event as it is spoke of something else, such as a deadline that passed
    return None if case.is_content(one) else case


def _broken(rules: Mapping[str, Rule], one: Batch) -> Iterator[str]:
    return (name for name, rule in rules.items() if len(rule.check(one)))


def _column(outlier: Outlier, one: Batch) -> Column:
    """The level's column, with the deviations that its ranges give to what is observed now."""
    column = one.columns[outlier.feature]
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high, x = np.log(column.low), np.log(column.high), np.log(outlier.observed(one))
        return Column((x - (low + high) / 2) / ((high - low) / (2 * _SPREADS)), column.low, column.high, column.level)


def _is_level(outlier: Outlier, one: Batch) -> bool:
    """Whether its ranges alone give the deviations that the outlier was told of."""
    known = one.columns[outlier.feature].values
    return bool(np.isfinite(known).any()) and bool(
        np.allclose(_column(outlier, one).values, known, rtol=_SAME, atol=_SAME, equal_nan=True)
    )


def _is_usual(outlier: Outlier, changed: Batch, entity: str) -> bool:
    """Whether nothing is far off, and what the verdict is about lies in its range."""
    column, observed = changed.columns[outlier.feature], outlier.observed(changed)
    if np.count_nonzero(outlier.is_large(outlier.raw(changed, column), changed, column)):
        return False
    inside = (outlier.side == "low") | (observed <= column.high)
    inside &= (outlier.side == "high") | (observed >= column.low)
    return all(inside[row] or outlier.entity(changed, row) != entity for row in range(len(observed)))
