"""An analyst's verdict on an alert: the event on `orderwatch.feedback.v1`, keyed by the alert's fingerprint."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal, get_args

import msgspec

Said = Literal["true", "false", "expected", "duplicate", "wrong_owner"]
SAID: Final[tuple[Said, ...]] = get_args(Said)


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of an alert, and the condition that the alert was about.

    `said` : `true`, right and worth telling; `false`, nothing was wrong; `expected`, right but meant to be so;
    `duplicate`, told already by another alert; `wrong_owner`, right, and another team's. `at_ms` : when.
    """

    id: str
    said: Said
    alert_id: str
    fingerprint: str
    kind: str
    entity_type: str
    entity: str
    order_ids: tuple[str, ...] = ()
    at_ms: int
    author: str = ""
    note: str = ""

    @property
    def label(self) -> float | None:
        """1 where the orders are abnormal, 0 where they are not, None where nothing new was said of them."""
        return {"true": 1.0, "wrong_owner": 1.0, "false": 0.0, "expected": 0.0}.get(self.said)


def feedback_on(alert: bytes, said: Said, *, at_ms: int, author: str = "", note: str = "") -> Feedback:
    """What is said of an alert, which is given as the CloudEvent's JSON. The same words at one time have one id."""
    event: dict[str, Any] = msgspec.json.decode(alert)
    data = event["data"]
    identity = f"{event['id']}|{said}|{author}|{at_ms}"
    return Feedback(
        id=hashlib.blake2b(identity.encode(), digest_size=12).hexdigest(),
        said=said,
        alert_id=event["id"],
        fingerprint=data["fingerprint"],
        kind=data["kind"],
        entity_type=data["entity"]["type"],
        entity=data["entity"]["key"],
        order_ids=tuple(data["order_ids"]),
        at_ms=at_ms,
        author=author,
        note=note,
    )


def read_feedback(value: bytes | None) -> Feedback | None:
    """What a message says; None for what is no feedback."""
    try:
        return msgspec.json.decode(value or b"", type=Feedback)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
