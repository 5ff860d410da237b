"""The promotion register: what each promotion is allowed to do. A YAML or JSON file, and optional."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from config.calendar import BACK_MS, USUAL_AFTER_MS
from config.document import read_document
from config.errors import ConfigRefused, explain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def _quoted(value: Any) -> Any:
    # YAML reads an unquoted 8.10 as 8.1, and 007 as 7: refuse, where a silent change would hide
    if isinstance(value, int | float):
        # pydantic words a ValueError; a TypeError it lets through
        raise ValueError(  # noqa: TRY004
            'is read as a number and loses its form; put it in quotes, as in "8.10"'
        )
    return value


Text = Annotated[str, BeforeValidator(_quoted), Field(min_length=1, max_length=200)]
_HOUR_MS = 3_600_000
_NEW_MS = 7 * 24 * _HOUR_MS
_VERSION = re.compile(r"\d+(?:\.\d+)*")


def version_parts(version: str) -> tuple[int, ...] | None:
    """Take the numbers of a dotted version, trailing zeros cut; None when it holds no number.

    >>> version_parts("v8.10.0 (build 7)"), version_parts("8.4"), version_parts("beta")
    ((8, 10), (8, 4), None)
    """
    found = _VERSION.search(version)
    if found is None:
        return None
    numbers = [int(number) for number in found.group().split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


class Promotion(BaseModel):
    """One promotion, as it is meant to run. Only its id must be given.

    `max_discount_rate` is a share of the goods' value, 0 to 1. `excludes` names promotions that must not
    stand on the same order. `client_version_min` is the oldest client that should see the promotion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    promotion_id: Text
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    excludes: frozenset[Text] = frozenset()
    max_discount_rate: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    expected_orders_per_hour: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    client_version_min: Text | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError(f"promotion {self.promotion_id}: ends_at must be after starts_at")
        if self.promotion_id in self.excludes:
            raise ValueError(f"promotion {self.promotion_id}: excludes itself")
        if self.client_version_min is not None and version_parts(self.client_version_min) is None:
            raise ValueError(f"promotion {self.promotion_id}: client_version_min must hold a number, as in 8.4")
        return self

    def is_active(self, time_ms: int) -> bool:
        """Whether the promotion runs at an event time (milliseconds since 1970 UTC)."""
        begun = self.starts_at is None or time_ms >= self.starts_at.timestamp() * 1000
        return begun and (self.ends_at is None or time_ms < self.ends_at.timestamp() * 1000)

    def expected_lately(self, starts_ms: int, ends_ms: int) -> float:
        """Orders an hour that it is expected to bring in a window, if it runs then and began at most a week before."""
        if self.expected_orders_per_hour is None or self.starts_at is None:
            return 0.0
        is_new = starts_ms - self.starts_at.timestamp() * 1000 < _NEW_MS
        return self.expected_orders_per_hour if is_new and self._touches(starts_ms, ends_ms) else 0.0

    def missed_lately(self, starts_ms: int, ends_ms: int) -> float:
        """Orders an hour that it brought for two days or more, if it ended at most three days before the window."""
        if self.expected_orders_per_hour is None or self.starts_at is None or self.ends_at is None:
            return 0.0
        over_ms = self.ends_at.timestamp() * 1000
        was_usual = over_ms - self.starts_at.timestamp() * 1000 >= USUAL_AFTER_MS
        return self.expected_orders_per_hour if was_usual and starts_ms - BACK_MS < over_ms < ends_ms else 0.0

    def _touches(self, starts_ms: int, ends_ms: int) -> bool:
        begun = self.starts_at is None or self.starts_at.timestamp() * 1000 < ends_ms
        return begun and (self.ends_at is None or starts_ms < self.ends_at.timestamp() * 1000)

    def is_too_old(self, client_version: str | None) -> bool:
        """Whether a client is older than the promotion allows; an unreadable version is not judged."""
        if self.client_version_min is None or not client_version:
            return False
        client, oldest = version_parts(client_version), version_parts(self.client_version_min)
        return client is not None and oldest is not None and client < oldest


class _RegisterFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    promotions: list[Promotion]


@dataclass(frozen=True, slots=True)
class PromotionRegister:
    """The promotions by their ids. `PromotionRegister({})` is the register of a shop that has none."""

    promotions: Mapping[str, Promotion]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a register file. Anything unknown, double or impossible is ConfigRefused, in one line."""
        try:
            return cls.parse(read_document(path))
        except ConfigRefused as error:
            message = str(error)
            raise ConfigRefused(message if message.startswith(str(path)) else f"{path}: {message}") from None

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Check a register that is already a mapping: `{"promotions": [{"promotion_id": "P1", …}]}`."""
        try:
            listed = _RegisterFile.model_validate(document).promotions
        except ValidationError as error:
            raise ConfigRefused(explain(error, _RegisterFile)) from None
        promotions: dict[str, Promotion] = {}
        for promotion in listed:
            if promotion.promotion_id in promotions:
                raise ConfigRefused(f"promotions: promotion_id {promotion.promotion_id!r} stands twice")
            promotions[promotion.promotion_id] = promotion
        return cls(promotions)

    def get(self, promotion_id: str) -> Promotion | None:
        """Find a promotion, or None when it is not registered."""
        return self.promotions.get(promotion_id)

    def planned_orders(self, starts_ms: int, ends_ms: int) -> float:
        """Orders that promotions which began lately are expected to bring to the shop in a window.

        After a week they are part of what is usual; a promotion that names no beginning always was.
        """
        hours = (ends_ms - starts_ms) / _HOUR_MS
        return hours * sum(promotion.expected_lately(starts_ms, ends_ms) for promotion in self.promotions.values())

    def planned_until_lately(self, starts_ms: int, ends_ms: int) -> float:
        """Orders of a window that promotions brought until lately, which ran for so long that they had become usual."""
        hours = (ends_ms - starts_ms) / _HOUR_MS
        return hours * sum(promotion.missed_lately(starts_ms, ends_ms) for promotion in self.promotions.values())

    def excluded_pairs(self) -> frozenset[frozenset[str]]:
        """Every pair that must not meet on one order; it is enough that one of the two says so.

        >>> register = PromotionRegister.parse({"promotions": [{"promotion_id": "P1", "excludes": ["P2"]}]})
        >>> [sorted(pair) for pair in register.excluded_pairs()]
        [['P1', 'P2']]
        """
        return frozenset(frozenset(pair) for pair in self._said())

    def excludes(self, one: str, other: str) -> bool:
        """Whether two promotions must not meet on one order, whichever of them says so."""
        return frozenset((one, other)) in self.excluded_pairs()

    def _said(self) -> Iterator[tuple[str, str]]:
        for promotion in self.promotions.values():
            for other in promotion.excludes:
                yield promotion.promotion_id, other
