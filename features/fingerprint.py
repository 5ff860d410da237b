"""What makes feature values what they are, as one hash: the code that computes them, and its parameters.

Two values with the same fingerprint came of the same code on the same settings; a model that was trained on one
fingerprint is not asked about another. Code is taken as its syntax tree: comments, docstrings and layout do not
count, and neither does the version of Python. What the log was (its partitions, its order) is no part of it.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from config.registry import build, discover
from config.sections import PartSettings
from features.feature import Feature

COLUMNS: Final = "features.columns"
_ROOTS: Final = tuple(
    f"features.{module}" for module in ("intake", "duplicates", "tabulate", "partition", "order_rows")
)
"""From the bytes of a message to the columns of a batch, and from those to one row an order."""
_OURS: Final = "features."


def fingerprint(features: Mapping[str, PartSettings]) -> str:
    """SHA-256, in hex, of the features that are on: their sources, all of features/ that these import, parameters.

    A parameter that is spelled out counts as its default does where the two are equal. Raises `ConfigRefused` for
    a feature or a parameter that does not exist.

    >>> on = {"margin": PartSettings(on=True), "basket_size": PartSettings(on=False)}
    >>> fingerprint(on) == fingerprint({"margin": PartSettings(on=True)})
    True
    """
    parts = build(discover(COLUMNS, Feature), features, "feature")
    sources = _sources(tuple(sorted(parts)))
    document = {"code": sources, "parameters": {name: _parameters(part) for name, part in parts.items()}}
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def _parameters(feature: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(feature):
        return {}
    return {field.name: getattr(feature, field.name) for field in dataclasses.fields(feature) if field.init}


@lru_cache(maxsize=16)
def _sources(names: tuple[str, ...]) -> dict[str, str]:
    """Module -> hash of its code, for some features and all that they are made from. Read once a process."""
    found: dict[str, str] = {}
    waiting = [*_ROOTS, *(f"{COLUMNS}.{name}" for name in names)]
    while waiting:
        module = waiting.pop()
        path = None if module in found else _file_of(module)
        if path is not None:
            tree = ast.parse(path.read_bytes())
            found[module] = hashlib.sha256("\n".join(_written(tree)).encode()).hexdigest()
            waiting += _imported(tree)
    return found


def _file_of(module: str) -> Path | None:
    """The file of a module; None for a package, and for a name that is something inside a module."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    if spec is None or spec.origin is None or spec.submodule_search_locations is not None:
        return None
    return Path(spec.origin)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None and f"{node.module}.".startswith(_OURS):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(_OURS))


def _written(node: ast.AST) -> Iterator[str]:
    """A syntax tree as lines that every version of Python writes alike: what is empty is left out."""
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        members = value if isinstance(value, list) else [value]
        if name == "body" and members and _is_docstring(members[0]):
            members = members[1:]
        for member in members:
            if isinstance(member, ast.AST):
                yield f"{name}("
                yield from _written(member)
                yield ")"
            elif member is not None:
                yield f"{name}={member!r}"


def _is_docstring(node: ast.AST) -> bool:
    """A text that stands alone: a description of a module, a class or a function."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
