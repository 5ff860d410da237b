"""Finds parts by their files, and builds those that the settings turn on.

A module without a leading underscore is one part, and its class is the file's stem in CamelCase:
`models/detectors/half_space_trees.py` holds `HalfSpaceTrees`. No list is kept anywhere, so a part is added
by adding its file. Being present is not being on: the settings decide that.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from config.errors import ConfigRefused, explain, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.sections import PartSettings

T = TypeVar("T")


def class_name(stem: str) -> str:
    """Name of the class that a part's file must hold.

    >>> class_name("half_space_trees")
    'HalfSpaceTrees'
    """
    return "".join(word.capitalize() for word in stem.split("_"))


@lru_cache(maxsize=64)
def discover(package: str, base: type[T]) -> dict[str, type[T]]:
    """Every part of `package` by its name, in alphabetical order.

    Raises ConfigRefused when a file holds no class of its name, when that class is no `base`, lacks one of
    its methods, or belongs to another file (one class under two names would run twice).
    """
    folder = importlib.import_module(package)
    stems = sorted(module.name for module in pkgutil.iter_modules(folder.__path__) if module.name[0] != "_")
    return {stem: _part(f"{package}.{stem}", class_name(stem), base) for stem in stems}


def _part(module_name: str, expected: str, base: type[T]) -> type[T]:
    found = getattr(importlib.import_module(module_name), expected, None)
    if not inspect.isclass(found):
        raise ConfigRefused(f"{module_name}: a part's file must hold a class of its name, {expected}")
    if not issubclass(found, base):
        raise ConfigRefused(f"{module_name}: {expected} must be a {base.__name__}")
    if found.__module__ != module_name:
        raise ConfigRefused(f"{module_name}: {expected} is the part of {found.__module__} a second time")
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        raise ConfigRefused(f"{module_name}: {expected} lacks {', '.join(missing)}")
    return found


def build(parts: Mapping[str, type[T]], section: Mapping[str, PartSettings], what: str = "rule") -> dict[str, T]:
    """Make each part that `section` turns on, in the section's order, with the parameters it names there.

    Parts are pydantic dataclasses with `extra="forbid"`, so a part's own class checks its parameters. Raises
    ConfigRefused naming the part, the parameter, its value and what is known. `what` is the word for a part
    in these lines: feature, rule, detector.
    """
    for name in section:
        if name not in parts:
            raise ConfigRefused(f"{what}s.{name}: {unknown(what, name, parts)}")
    return {name: _built(parts[name], name, part, what) for name, part in section.items() if part.on}


def _built(part: type[T], name: str, settings: PartSettings, what: str) -> T:
    place = f"{what}s.{name}.params"
    known = parameters(part)
    for parameter in settings.params:
        if parameter not in known:
            raise ConfigRefused(f"{place}: {unknown('parameter', parameter, known)}")
    try:
        return part(**settings.params)
    except ValidationError as error:
        raise ConfigRefused(f"{place}: {explain(error, part)}; known: {', '.join(known) or 'none'}") from None


def parameters(part: type[Any]) -> list[str]:
    """Names of the parameters that a part's class takes from the settings, sorted."""
    if dataclasses.is_dataclass(part):
        return sorted(field.name for field in dataclasses.fields(part) if field.init)
    return sorted(name for name in inspect.signature(part).parameters if name not in {"args", "kwargs"})
