"""A challenger against its champion, from all their shadow runs, and what a team's policy makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.package import ModelRefused
from stream.model_registry.side_by_side import SideBySide

if TYPE_CHECKING:
    from config.sections import PromotionPolicy
    from stream.shadow import ShadowReport


@dataclass(frozen=True, slots=True)
class Labelled:
    """What the analysts' verdicts say of one model: orders found abnormal and right, abnormal, and right in all."""

    hits: int
    told: int
    true: int

    @property
    def precision(self) -> float | None:
        """Share of what was found that is right."""
        return self.hits / self.told if self.told else None

    @property
    def recall(self) -> float | None:
        """Share of what is right that was found."""
        return self.hits / self.true if self.true else None


class Comparison(SideBySide, frozen=True, kw_only=True):
    """A challenger beside its champion. Counts are summed over the runs, costs are means by orders.

    `labelled` : what is known of the champion and of the challenger, and how many orders have a label.
    """

    labelled: tuple[Labelled, Labelled] | None = None
    labels: int = 0

    @property
    def agreement(self) -> float:
        """Share of the orders that either finds abnormal that both do (Jaccard's index); 1 where neither does."""
        either = self.champion_alerts + self.challenger_alerts - self.agreeing
        return self.agreeing / either if either else 1.0

    @property
    def alert_rate_ratio(self) -> float:
        """Orders found abnormal, challenger's over champion's; one order is added to both."""
        return (self.challenger_alerts + 1) / (self.champion_alerts + 1)

    @property
    def cost_ratio(self) -> float:
        """Time for a score, challenger's over champion's."""
        return self.challenger_us / self.champion_us if self.champion_us else 1.0

    def calibration(self, alerts: int) -> float:
        """Share of orders found abnormal over the share that the score promises: 1 is right, 2 twice as many."""
        promised = self.orders * (1.0 - self.alert_score)
        return alerts / promised if promised else 0.0

    def loss_of(self, what: str) -> float | None:
        """By how much the challenger's precision or recall is below the champion's; None where it is not known."""
        if self.labelled is None:
            return None
        there, here = (getattr(one, what) for one in self.labelled)
        return None if there is None or here is None else there - here


def compared(reports: Iterable[ShadowReport], champion: str, challenger: str) -> Comparison | None:
    """All runs of a challenger beside this champion; None where there was none."""
    runs = [one for one in reports if (one.champion, one.challenger) == (champion, challenger) and one.orders]
    if not runs:
        return None
    orders = sum(one.orders for one in runs)

    def mean(values: Iterable[float]) -> float:
        return sum(value * one.orders for value, one in zip(values, runs, strict=True)) / orders

    known = [one.rank_correlation for one in runs if one.rank_correlation is not None]
    return Comparison(
        champion=champion,
        challenger=challenger,
        alert_score=runs[-1].alert_score,
        orders=orders,
        champion_alerts=sum(one.champion_alerts for one in runs),
        challenger_alerts=sum(one.challenger_alerts for one in runs),
        agreeing=sum(one.agreeing for one in runs),
        rank_correlation=sum(known) / len(known) if known else None,
        champion_us=mean(one.champion_us for one in runs),
        challenger_us=mean(one.challenger_us for one in runs),
    )


def unmet(policy: PromotionPolicy, found: Comparison | None) -> dict[str, str]:
    """Demand of the policy -> why it is not met, of those that are not."""
    asked = {name: limit for name, limit in policy if limit is not None}
    if found is None:
        return dict.fromkeys((name for name, limit in asked.items() if limit), "it has not run in shadow")
    values = {
        "min_orders": found.orders,
        "min_agreement": found.agreement,
        "max_alert_rate_ratio": found.alert_rate_ratio,
        "max_cost_ratio": found.cost_ratio,
        "min_labelled": found.labels,
        "max_precision_loss": found.loss_of("precision"),
        "max_recall_loss": found.loss_of("recall"),
    }
    return {
        name: "no verdicts are known" if (value := values[name]) is None else f"it is {value:.4g}, asked is {limit:g}"
        for name, limit in asked.items()
        if not _is_met(name, values[name], limit)
    }


def check_policy(label: str, missing: Mapping[str, str], overridden: Iterable[str]) -> None:
    """Raise ModelRefused unless every demand that is not met is overridden by its name."""
    left = {name: why for name, why in missing.items() if name not in set(overridden)}
    if left:
        what = "; ".join(f"{name}: {why}" for name, why in left.items())
        raise ModelRefused(
            f"{label} does not meet models.promotion ({what}); to promote it all the same: --override NAME"
        )


def _is_met(name: str, value: float | None, limit: float) -> bool:
    if value is None:
        return False
    return value >= limit if name.startswith("min_") else value <= limit
