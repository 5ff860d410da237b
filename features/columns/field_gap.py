"""How much evidence has gathered that a channel leaves a field out more often, or less often, than it used to."""

from __future__ import annotations

from dataclasses import dataclass as plain
from typing import ClassVar, Final

import numba
import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import ABSENT, F64, I64, Batch, Column, Flag, Level
from features.columns._one_array import OneArray
from features.feature import STRICT
from features.keys import grown
from features.money import NOT_GIVEN
from features.rate_shift import FIELDS, follow

OPTIONAL: Final = ("client_version", "shipping_address", "phone", "promised_at", "unit_cost")
"""Fields of an order that may be left out."""


@numba.njit(cache=True)
def _missing(at: I64, version_length: I64, address: I64, phone: I64, promised_ms: I64, cost: I64) -> Flag:
    """Which of `OPTIONAL` each order placed leaves out."""
    missing = np.empty((len(at), len(OPTIONAL)), np.bool_)
    for i in range(len(at)):
        missing[i, 0] = version_length[i] == 0
        missing[i, 1], missing[i, 2] = address[i] == ABSENT, phone[i] == ABSENT
        missing[i, 3], missing[i, 4] = promised_ms[at[i]] == NOT_GIVEN, cost[i] == NOT_GIVEN
    return missing


@plain(slots=True, kw_only=True)
class Gaps(Column):
    """Evidence by order, and what it is about: a place in `OPTIONAL`, and the share without it lately."""

    about: I64
    lately: F64


@dataclass(config=STRICT)
class FieldGap(OneArray):
    """Evidence (`features.rate_shift`) that the share of a channel's orders without a field has changed.

    Of the optional fields the one with the strongest evidence; the expected range is its usual share, as both ends.
    An order speaks only for the side that it is on: one with the field says nothing of more gaps.
    """

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "log likelihood"
    spaces: ClassVar[tuple[str, ...]] = ("channel",)

    def __post_init__(self) -> None:
        """Start with no channel."""
        self._state = np.zeros((16, len(OPTIONAL), FIELDS))

    def transform(self, batch: Batch) -> Column:
        """Evidence after each order placed."""
        channel = batch.key(self._spaces["channel"])
        self._state = grown(self._state, channel.size)
        created = batch.created
        missing = _missing(
            created.at, created.client_version.length, created.address_form, created.phone_form, batch.promised_ms,
            created.cost_minor,
        )  # fmt: skip
        evidence, about, lately, usual = follow(channel.rows, channel.fresh, missing, self._state)
        return Gaps(values=evidence, low=usual, high=usual, about=about, lately=lately)
