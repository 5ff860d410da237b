"""A digit too few."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from stream.evaluation.faults._mispriced import Mispriced


class PriceTenth(Mispriced):
    """A product sells at a tenth of its price."""

    factor: ClassVar[Fraction] = Fraction(1, 10)
