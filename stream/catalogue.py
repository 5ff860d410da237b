"""The catalogue of order exceptions: each kind of alert, who raises it, who answers it, and where it can be seen.

Nothing is written down here: kinds are those of the parts, answers those of the policy, scenarios those incidents
of the simulator whose labels expect the kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.detector import Detector
from models.watch import OrderWatch
from stream import key_flood, malformed
from stream.assembly import parts_of, title
from stream.simulator.incidents import known

if TYPE_CHECKING:
    from config.policy import Policy
    from config.settings import Settings

SECTIONS: Final[Mapping[str, str]] = {"features": "feature", "rules": "rule", "detectors": "detector"}
"""Section of the settings -> the word for one of its parts."""


@dataclass(frozen=True, slots=True)
class Source:
    """A part that raises a kind; `section` is empty for what is always on."""

    section: str
    name: str
    on: bool
    what: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of alert. `scenarios` are incidents of `orderwatch simulate --incident`."""

    kind: str
    parts: list[Source]
    severity: str
    owner: str
    respond_within_minutes: int
    min_count: int
    recommended_action: str
    scenarios: list[str]


def catalogue(settings: Settings, policy: Policy) -> list[Entry]:
    """Every kind that a part can raise, on or off, in the order of their names."""
    sources: defaultdict[str, list[Source]] = defaultdict(list)
    for kind, source in _sources(settings):
        sources[kind].append(source)
    scenarios = _scenarios()
    return [_entry(kind, parts, policy, scenarios.get(kind, [])) for kind, parts in sorted(sources.items())]


def kinds_of(part: type[Any]) -> list[str]:
    """The kinds of alert that a part can raise, in the order in which it names them; a feature raises none."""
    if issubclass(part, Detector):
        return [OrderWatch.kind]
    if kinds := getattr(part, "kinds", None):
        named = kinds.values() if isinstance(kinds, Mapping) else kinds
        return list(dict.fromkeys(named))
    return [part.kind] if hasattr(part, "kind") else []


def _sources(settings: Settings) -> Iterator[tuple[str, Source]]:
    yield malformed.KIND, Source("", malformed.PART, True, malformed.TITLE)
    yield key_flood.KIND, Source("", key_flood.PART, True, key_flood.TITLE)
    for section, word in SECTIONS.items():
        chosen = getattr(settings, section)
        for name, part in parts_of(word).items():
            on = name in chosen and chosen[name].on
            for kind in kinds_of(part):
                yield kind, Source(section, name, on, title(part))


def _scenarios() -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, incident in known().items():
        for kind in incident.kinds:
            found[kind].append(name)
    return found


def _entry(kind: str, parts: list[Source], policy: Policy, scenarios: list[str]) -> Entry:
    answer = policy.answer(kind)
    return Entry(
        kind=kind,
        parts=parts,
        severity=answer.severity,
        owner=answer.owner,
        respond_within_minutes=answer.respond_within_minutes,
        min_count=answer.min_count,
        recommended_action=answer.recommended_action,
        scenarios=scenarios,
    )
