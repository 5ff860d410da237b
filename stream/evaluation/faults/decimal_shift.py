"""A decimal point that moved by two places."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from stream.evaluation.faults._mispriced import Mispriced


class DecimalShift(Mispriced):
    """A product sells at a hundredth of its price."""

    factor: ClassVar[Fraction] = Fraction(1, 100)
