"""What a river model has learned, as a document of numbers, texts and containers; and back into a fresh model.

An object of a class written in Python is its attributes; a list, a tuple, a dictionary, a deque are their members;
`random.Random` is its state. A function stays the one that the fresh model of the same parameters has in that
place, and so does what makes the missing values of a defaultdict. What is compiled and keeps its state to itself
(river's quantiles) is refused. Where two attributes are the same object, they are again.

Nothing in a document is code: the classes it may name are river's, loaded already, or that of the object which the
fresh model has in the same place. No constructor and no pickle method is called.
"""

from __future__ import annotations

import collections
import functools
import random
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any, Final

from river._river_rust.vectordict import VectorDict

from models.detector import StateNotPortable

Document = Any
_PLAIN: Final = (type(None), bool, int, float, str)
_KEPT: Final = "kept"
_DICTS: Final[dict[type[Any], str]] = {
    dict: "dict",
    collections.Counter: "counter",
    collections.defaultdict: "defaultdict",
    VectorDict: "vector",
}
_SEQUENCES: Final = frozenset({list, tuple})
_FUNCTIONS: Final = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type, functools.partial)
_HEAP: Final = 1 << 9  # CPython's flag of a type that was made at run time, as a class statement makes it
_BEHIND: Final = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})


def written_out(model: object) -> Document:
    """Take a model apart. Raises StateNotPortable naming the type that cannot be."""
    return _Writer().write(model)


def put_back(document: Document, fresh: Any) -> Any:
    """Give a fresh model of the same parameters what another had learned.

    Raises ValueError when the document is not of such a model; then the fresh one is to be thrown away.
    """
    expected = type(fresh)
    try:
        found = _Reader().read(document, fresh)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"no state of this river model: {error!r}") from None
    if type(found) is not expected:
        raise ValueError(f"no state of this river model: {_path(expected)} became {_path(type(found))}")
    return found


class _Writer:
    """Writes each object once, and from then on its number."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._alive: list[object] = []

    def write(self, value: Any) -> Document:
        if isinstance(value, _PLAIN):
            return value
        if id(value) in self._numbers:
            return ["same", self._numbers[id(value)]]
        if not isinstance(value, tuple):
            self._numbers[id(value)] = len(self._alive)
            self._alive.append(value)
        return self._composed(value)

    def _composed(self, value: Any) -> Document:
        kind = type(value)
        if isinstance(value, _FUNCTIONS):
            return [_KEPT]
        if kind is collections.deque:
            return ["deque", value.maxlen, self._all(value)]
        if kind in _SEQUENCES:
            return [kind.__name__, self._all(value)]
        if kind is random.Random:
            return ["random", self.write(value.getstate())]
        pairs = value.items() if kind in _DICTS else _attributes(value)
        head = [_DICTS[kind]] if kind in _DICTS else ["object", _path(kind)]
        return [*head, [[self.write(key), self.write(inner)] for key, inner in pairs]]

    def _all(self, values: Iterable[Any]) -> list[Document]:
        return [self.write(value) for value in values]


class _Reader:
    """Reads a document beside the fresh model: `like` is what that has in the same place, or None."""

    def __init__(self) -> None:
        self._made: list[Any] = []

    def read(self, document: Document, like: Any) -> Any:
        if isinstance(document, _PLAIN):
            return document
        kind, *rest = document
        return self._READERS[kind](self, *rest, like)

    def _same(self, number: int, _: Any) -> Any:
        return self._made[number]

    def _function(self, like: Any) -> Any:
        if not callable(like):
            raise TypeError("a function has no counterpart")
        return self._noted(like)

    def _list(self, members: list[Document], like: Any) -> list[Any]:
        found: list[Any] = self._noted([])
        found.extend(self._members(members, like))
        return found

    def _tuple(self, members: list[Document], like: Any) -> tuple[Any, ...]:
        return tuple(self._members(members, like))

    def _deque(self, longest: int | None, members: list[Document], like: Any) -> collections.deque[Any]:
        found: collections.deque[Any] = self._noted(collections.deque(maxlen=longest))
        found.extend(self._members(members, like))
        return found

    def _random(self, state: Document, _: Any) -> random.Random:
        found: random.Random = self._noted(random.Random())  # noqa: S311 - a model's own sequence, no secret
        found.setstate(self.read(state, None))
        return found

    def _mapping(self, make: Callable[[Any], Any], pairs: list[Document], like: Any) -> Any:
        found = self._noted(make(like))
        known = like if hasattr(like, "keys") else {}
        for name, inner in pairs:
            key = self.read(name, None)
            found[key] = self.read(inner, known[key] if key in known else None)  # noqa: SIM401 - get would not do for a VectorDict
        return found

    def _object(self, path: str, attributes: list[Document], like: Any) -> Any:
        found = self._noted(like if _path(type(like)) == path else _blank(path))
        for name, inner in attributes:
            setattr(found, name, self.read(inner, getattr(found, name, None)))
        return found

    def _members(self, members: list[Document], like: Any) -> list[Any]:
        beside = list(like) if isinstance(like, list | tuple) and len(like) == len(members) else [None] * len(members)
        return [self.read(member, other) for member, other in zip(members, beside, strict=True)]

    def _noted(self, made: Any) -> Any:
        self._made.append(made)
        return made

    _READERS: Final[dict[str, Callable[..., Any]]] = {
        "same": _same,
        _KEPT: _function,
        "list": _list,
        "tuple": _tuple,
        "deque": _deque,
        "random": _random,
        "object": _object,
        "dict": lambda self, pairs, like: self._mapping(lambda _: {}, pairs, like),
        "counter": lambda self, pairs, like: self._mapping(lambda _: collections.Counter(), pairs, like),
        "vector": lambda self, pairs, like: self._mapping(lambda _: VectorDict({}), pairs, like),
        "defaultdict": lambda self, pairs, like: self._mapping(
            lambda fresh: collections.defaultdict(fresh.default_factory), pairs, like
        ),
    }


def _blank(path: str) -> Any:
    """An object of a class of river's, before its constructor."""
    module, _, name = path.rpartition(".")
    if not path.startswith("river."):
        raise TypeError(f"{path} is not river's")
    found = getattr(sys.modules[module], name)
    if not isinstance(found, type) or not _is_written_in_python(found):
        raise TypeError(f"{path} is no class written in Python")
    return object.__new__(found)


def _is_written_in_python(kind: type[Any]) -> bool:
    """Whether all that an object holds can be seen: it and its bases are written in Python, none is compiled."""
    ours = [base for base in kind.__mro__ if _path(base) not in _BEHIND]
    files = [getattr(sys.modules.get(base.__module__), "__file__", None) or "" for base in ours]
    return all(file.endswith(".py") and base.__flags__ & _HEAP for base, file in zip(ours, files, strict=True))


def _attributes(value: Any) -> list[tuple[str, Any]]:
    if not _is_written_in_python(type(value)):
        raise StateNotPortable(f"{_path(type(value))} keeps its state to itself")
    slots = [name for base in type(value).__mro__ for name in getattr(base, "__slots__", ())]
    names = [*getattr(value, "__dict__", {}), *(name for name in slots if hasattr(value, name))]
    return [(name, getattr(value, name)) for name in dict.fromkeys(names) if name not in {"__dict__", "__weakref__"}]


def _path(kind: type[Any]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
