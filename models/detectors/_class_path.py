"""Classes that the settings name by their path."""

from __future__ import annotations

import importlib
import inspect
from typing import Any


def class_at(path: str, base: type[Any], example: str) -> type[Any]:
    """Import the class at `path`, which must derive from `base`: settings name models, not any code.

    Raises ValueError naming the path and a good example.

    >>> class_at("collections.OrderedDict", dict, "collections.Counter").__name__
    'OrderedDict'
    """
    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        raise ValueError(f"{path!r} is no class that can be imported; write it as {example}") from None
    if not (inspect.isclass(found) and issubclass(found, base)):
        raise ValueError(f"{path!r} is no {base.__module__}.{base.__name__}; one is {example}")
    return found


def made(cls: type[Any], params: dict[str, Any]) -> Any:
    """Build `cls` from parameters by name. Raises ValueError naming the one that it does not know."""
    known = inspect.signature(cls).parameters
    if unknown := sorted(params.keys() - known.keys()):
        raise ValueError(f"{cls.__name__} has no parameter {unknown[0]!r}; known: {', '.join(known)}")
    return cls(**params)
