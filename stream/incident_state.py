"""What incidents remember, written down and read back.

A condition and its family's budget share one claim; here the claim is written with the budget, and the condition
says which of the budget's peers is its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from config.policy import Answer
from models.budget import Budget, Claim
from models.verdict import Verdict, family_of
from stream.incident import Incident

_NO_PEER: Final = -1
_APART: Final = frozenset({"head", "answer", "claim", "affected"})


@dataclass(slots=True)
class WrittenIncident:
    """A condition; `peer` is its claim's place among the peers of its family's budget, `claim` the claim itself."""

    head: Verdict
    peer: int
    claim: dict[str, Any]
    affected: dict[str, dict[str, int]]
    rest: dict[str, Any]


def write_incident(incident: Incident, places: Mapping[int, int]) -> WrittenIncident:
    """Write a condition down; `places` leads from the identity of a claim to its place among the peers."""
    names = [field.name for field in fields(Incident) if field.name not in _APART]
    return WrittenIncident(
        incident.head,
        places.get(id(incident.claim), _NO_PEER),
        write_claim(incident.claim),
        {dimension: dict(values) for dimension, values in incident.affected.items()},
        {name: getattr(incident, name) for name in names},
    )


def read_incident(
    written: WrittenIncident, answer_of: Callable[[str], Answer], budgets: Mapping[str, Budget]
) -> Incident:
    """The condition that was written down, its claim shared with its family's budget again."""
    kind = written.head.kind
    peers = budgets[family_of(kind)].peers if written.peer != _NO_PEER else ()
    claim = peers[written.peer] if written.peer != _NO_PEER else Claim(**written.claim)
    incident = Incident(head=written.head, answer=answer_of(kind), claim=claim, **written.rest)
    for dimension, values in written.affected.items():
        incident.affected[dimension] = Counter(values)
    return incident


def write_claim(claim: Claim) -> dict[str, Any]:
    """A claim's numbers by name."""
    return {field.name: getattr(claim, field.name) for field in fields(Claim)}
