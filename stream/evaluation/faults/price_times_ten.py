"""A digit too many."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from stream.evaluation.faults._mispriced import Mispriced


class PriceTimesTen(Mispriced):
    """A product sells at ten times its price."""

    factor: ClassVar[Fraction] = Fraction(10)
