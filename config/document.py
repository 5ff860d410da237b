"""Reads one YAML or JSON file into a plain mapping, strictly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from config.errors import ConfigRefused

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

_SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as quick
_MOST_BYTES = 64 << 20
_MOST_DEPTH = 100
_MOST_VALUES = 5_000_000  # a register of 300,000 promotions
_BOOLEAN = "tag:yaml.org,2002:bool"


class _StrictLoader(_SafeLoader):  # type: ignore[valid-type,misc]  # its base is chosen when it is imported
    """YAML in which a key may stand once, and only true and false are booleans.

    Of two equal keys plain YAML keeps the last, in silence; and it takes `on`, a key of ours, and the country
    code `NO` for booleans.
    """

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN]
        for first, resolvers in _SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise ConfigRefused(f"line {line}: key {key!r} stands twice in one mapping")
            seen.add(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


_StrictLoader.add_implicit_resolver(_BOOLEAN, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def read_document(path: Path) -> dict[str, Any]:
    """Read the mapping that `path` holds; an empty file is an empty mapping. JSON is read as the YAML it is.

    Raises ConfigRefused, naming the file, when it is missing, not UTF-8, not YAML, or no mapping.
    """
    try:
        document = yaml.load(_text_of(path), _StrictLoader)  # noqa: S506  # it is a SafeLoader
    except OSError as error:
        raise ConfigRefused(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigRefused(f"{path}: not UTF-8 at byte {error.start}") from error
    except yaml.YAMLError as error:
        raise ConfigRefused(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    except ConfigRefused as error:
        raise ConfigRefused(f"{path}: {error}") from None
    except ValueError as error:  # what looks like a date or a number and is none
        raise ConfigRefused(f"{path}: {' '.join(str(error).split())}") from None
    return _as_mapping(path, document)


def _text_of(path: Path) -> str:
    """The file's text; not one so large, or so deeply nested, that PyYAML's recursion would end the process."""
    if path.stat().st_size > _MOST_BYTES:
        raise ConfigRefused(f"larger than {_MOST_BYTES >> 20} MiB")
    text, depth = path.read_text(encoding="utf-8"), 0
    for event in yaml.parse(text, _SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_DEPTH:
            raise ConfigRefused(f"nested more than {_MOST_DEPTH} deep")
    return text


def _as_mapping(path: Path, document: Any) -> dict[str, Any]:
    if document is None:
        return {}
    if _size(document, {}) > _MOST_VALUES:
        raise ConfigRefused(f"{path}: holds more than {_MOST_VALUES:,} values once its aliases are followed")
    if not isinstance(document, dict):
        raise ConfigRefused(f"{path}: holds a {type(document).__name__}; a mapping of keys is expected")
    if strange := [key for key in document if not isinstance(key, str)]:
        raise ConfigRefused(f"{path}: key {strange[0]!r} is no text; quote it")
    return document


def _size(value: Any, known: dict[int, int]) -> int:
    """Values in a document, one behind an alias as often as it is named; one that holds itself has no end."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = _MOST_VALUES + 1  # until it is summed up, which a value within itself never is
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(one, known) for one in inner)
    return known[id(value)]
