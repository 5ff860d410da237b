"""What shapes the state: a worker whose schema is another one cannot go on from it, and says so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from config.errors import ConfigRefused
from config.settings import Settings

LAYOUT: Final = 3
"""To be raised whenever a part keeps something else than before under the same name, or the same under another."""
LAYOUT_OF_SHARED: Final = 1
"""The same where workers share the log (`shuffle.on`)."""

_BYTES: Final = 6
_LOOSE: Final = {"weight"}  # how much a part's word counts shapes nothing that is kept
_KNOB: Final = "start once with `orderwatch worker --forget-state` to learn anew"


class StateRefused(ConfigRefused):
    """A state that this worker cannot go on from; the message is one line and names the knob."""


def schema_of(settings: Settings) -> dict[str, str]:
    """A word for each group of settings that shapes the state, and for the layout of the code.

    Rules, thresholds of verdicts, budgets, texts and addresses are not among them: they may change on a living state.
    """
    groups: dict[str, Any] = {
        "kafka.partitions": settings.kafka.partitions,
        "decode.duplicate_window_events": settings.decode.duplicate_window_events,
        "time": settings.time.model_dump(include={"pane_seconds", "allowed_lateness_seconds", "business_timezone"}),
        "state": settings.state.model_dump(),
        "features": _parts(settings.features),
        "detectors": _parts(settings.detectors),
    }
    if settings.shuffle.on:
        groups["shuffle"] = LAYOUT_OF_SHARED  # each unit was saved by itself
    return {"layout": str(LAYOUT)} | {name: _word(value) for name, value in groups.items()}


def check_schema(ours: Mapping[str, str], theirs: Mapping[str, str]) -> None:
    """Refuse a state of another schema. Raises `StateRefused`.

    >>> check_schema({"layout": "2", "state": "a"}, {"layout": "1", "state": "a"})
    Traceback (most recent call last):
    stream.checkpoint.schema.StateRefused: the saved state has layout 1 and this worker 2: start once with ...
    """
    differ = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
    if differ:
        words = ", ".join(f"{name} {theirs.get(name, 'none')}" for name in differ)
        own = ", ".join(ours.get(name, "none") for name in differ)
        change = "" if differ == ["layout"] else "; or set these as they were"
        raise StateRefused(f"the saved state has {words} and this worker {own}: {_KNOB}{change}")


def refused(error: Exception) -> StateRefused:
    """The same refusal for a state that a part does not take."""
    return StateRefused(f"the saved state does not fit ({type(error).__name__}: {error}): {_KNOB}")


def _parts(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part.model_dump(mode="json", exclude=_LOOSE) for name, part in parts.items() if part.on}


def _word(value: Any) -> str:
    text = msgspec.json.encode(value, order="deterministic")
    return hashlib.blake2b(text, digest_size=_BYTES).hexdigest()
