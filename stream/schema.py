"""JSON Schemas of the two public shapes, generated from the types that decode and encode them.

`python -m stream.schema` writes them to `config/schema/`; a test holds the files to the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from features.event import AnyEvent
from stream.cloud_event import CloudEvent

FOLDER: Final = Path(__file__).resolve().parent.parent / "config" / "schema"
SHAPES: Final[dict[str, Any]] = {"order_event.v1.json": AnyEvent, "alert.v1.json": CloudEvent}
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_text(shape: Any, name: str) -> str:
    """One shape's schema as the file holds it."""
    schema = {"$schema": _DRAFT, "title": name.removesuffix(".json"), **msgspec.json.schema(shape)}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def write_schemas(folder: Path = FOLDER) -> None:
    """Write every schema to its file."""
    folder.mkdir(exist_ok=True)
    for name, shape in SHAPES.items():
        (folder / name).write_text(schema_text(shape, name))


if __name__ == "__main__":
    write_schemas()
