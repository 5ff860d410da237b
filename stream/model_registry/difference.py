"""What two versions of models differ in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from stream.model_registry.manifest import Manifest

_OF_EACH: Final = frozenset({"version", "created_at"})
"""Differs between any two versions, and so says nothing."""


class Difference(msgspec.Struct, frozen=True):
    """One thing that differs; None where one of the two has none. `change` : after less before, of numbers."""

    what: str
    before: Any
    after: Any
    change: float | None = None


def differences(before: Manifest, after: Manifest) -> list[Difference]:
    """All that differs, in the order of the manifest."""
    old, new = dict(_flat("", msgspec.to_builtins(before))), dict(_flat("", msgspec.to_builtins(after)))
    return [
        Difference(what, old.get(what), new.get(what), _change(old.get(what), new.get(what)))
        for what in dict.fromkeys([*old, *new])
        if what not in _OF_EACH and old.get(what) != new.get(what)
    ]


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for key, inner in value.items():
        yield from _flat(f"{path}.{key}" if path else key, inner)


def _change(before: Any, after: Any) -> float | None:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (before, after))
    return float(after - before) if numbers else None
