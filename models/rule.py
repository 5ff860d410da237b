"""What a rule is: one file, one class, one condition that is always wrong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from config.promotions import PromotionRegister

if TYPE_CHECKING:
    from features.batch import Batch
    from features.keys import Keys
    from models.finding import Findings

Example = Sequence[Mapping[str, Any]]
"""Contract events, in order, as `models.examples` makes them."""


class Rule(ABC):
    """A fixed condition over the columns of a batch.

    A rule holds no state and looks at no clock: what it needs to remember is a feature or an order's life. It
    compares integers (minor units), never binary fractions, where money is judged. Its examples are its test:
    every example of `FIRES` must give a finding in its last event, none of `QUIET` may give any.
    """

    kind: ClassVar[str]
    """`family.name` of the alert, as the contract has it."""
    entity_type: ClassVar[str]
    """What findings are grouped by: order, product, promotion, promotion_pair, customer, channel, ..."""
    in_minor_units: ClassVar[bool] = False
    """Whether observed, low and high are amounts in minor units; a person is shown whole units."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Features whose columns it reads, each after those that it is made from."""
    FIRES: ClassVar[tuple[Example, ...]]
    QUIET: ClassVar[tuple[Example, ...]]
    PROMOTIONS: ClassVar[Mapping[str, Any] | None] = None
    """The promotion register that the examples assume, in the contract's shape."""

    def bind(self, promotions: PromotionRegister, spaces: Mapping[str, Keys]) -> None:
        """Receive the register of promotions and the partition's key spaces, once, before the first batch."""
        self._promotions = promotions
        self._spaces = spaces

    @abstractmethod
    def check(self, batch: Batch) -> Findings:
        """The events of the batch that break the rule; no rows where all is well."""
