"""The alert of the contract, as the types that encode it: a CloudEvent 1.0 around one condition's state."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Score = Annotated[float, Meta(ge=0, le=1)]
Instant = Annotated[str, Meta(description="RFC 3339, UTC")]


class Entity(Struct, frozen=True):
    """What the condition is about."""

    type: str
    key: str


class Expected(Struct, frozen=True):
    """The range that the verdict used; null: open on that side."""

    low: float | None
    high: float | None


class Window(Struct, frozen=True):
    """The event time that the condition covers so far."""

    start: Instant
    end: Instant


class DetectorScore(Struct, frozen=True):
    """One part's word, and the version of the part that gave it."""

    name: str
    version: str
    score: Score


class Reason(Struct, frozen=True):
    """Why, part by part; the contributions sum to the score."""

    code: str
    feature: str
    value: float | None
    expected: str
    contribution: float
    direction: Literal["high", "low", "none"]


class Segment(Struct, frozen=True):
    """Where the affected orders come from: share among them, and among all orders (null: not known yet)."""

    dimension: str
    value: str
    share: float
    baseline: float | None


class Impact(Struct, frozen=True):
    """Money lost so far, in units of the currency."""

    currency: str
    loss: str
    loss_per_minute: str


class Trace(Struct, frozen=True):
    """The record that gave the verdict; null: no single record did."""

    topic: str
    partition: int | None
    offset: int | None


class Picture(Struct, frozen=True):
    """What a column's values were and are: two histograms over the same bars, as shares of the rows with a value.

    There is one edge more than bars. `psi`, `ks` : null where either side has no value.
    """

    column: str
    edges: list[float]
    before: list[float]
    after: list[float]
    psi: float | None
    ks: float | None
    missing_before: float
    missing_after: float
    rows_before: int
    rows_after: int


class AlertData(Struct, frozen=True):
    """The state of one condition.

    `counterfactuals` : what would have made the order that the reasons are about normal, judged again before it is
    said. `comparable_order_ids` : normal orders of the same product or channel.
    `picture` : of a drift.
    """

    status: Literal["firing", "resolved"]
    kind: str
    severity: Literal["critical", "high", "medium", "low"]
    score: Score
    fingerprint: str
    startsAt: Instant  # noqa: N815  # Alertmanager's name
    endsAt: Instant | None  # noqa: N815  # Alertmanager's name
    entity: Entity
    order_ids: Annotated[list[str], Meta(max_length=20)]
    count: int
    observed: float | None
    expected: Expected
    window: Window
    detectors: list[DetectorScore]
    reasons: list[Reason]
    segments: list[Segment]
    impact: Impact | None
    owner: str
    respond_by: Instant
    summary: str
    recommended_action: str
    trace: Trace
    counterfactuals: Annotated[list[str], Meta(max_length=3)] = []
    comparable_order_ids: Annotated[list[str], Meta(max_length=3)] = []
    picture: Picture | UnsetType = UNSET


class CloudEvent(Struct, frozen=True):
    """What goes to the alerts topic and to Redis."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: Literal["io.orderwatch.alert.firing.v1", "io.orderwatch.alert.resolved.v1"]
    subject: str
    time: Instant
    datacontenttype: Literal["application/json"]
    data: AlertData
