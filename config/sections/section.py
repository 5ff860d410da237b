"""What every section of the settings is made of: the base, and the kinds of value that a field may have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Family = Literal[
    "price",
    "volume",
    "latency",
    "promotion",
    "payment",
    "inventory",
    "logistics",
    "information",
    "duplicate",
    "missing",
    "process",
    "system",
    "behaviour",
]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
PerDay = Annotated[int, Field(ge=0, le=100_000)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Wait = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Spreads = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", max_length=200)]


class Section(BaseModel):
    """A group of settings: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
