"""Lets atheris look for inputs that break a target: `python -m tests.parts.fuzz event -max_total_time=60`.

Coverage of our Python code leads the search; what compiled code does is seen by its effects alone. Needs the extra
`fuzz` (`pip install -e .[fuzz]`); arguments behind the target are libFuzzer's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris
import msgspec

# what numba compiles must stay as it is, so the search is led by the folders without kernels
with atheris.instrument_imports(include=["config", "stream"], exclude=["stream.checkpoint"]):
    from tests.parts import fuzz_targets

import config
from models.examples import approved, created, delivered, encoded, paid, refunded, shipped, stock

_FIELDS = dict.fromkeys((b"id", b"kind", b"severity", b"status", b"data"), b"x")
_TARGETS = {"event": fuzz_targets.event, "file": fuzz_targets.file, "entry": fuzz_targets.entry}


def _seeds(target: str) -> list[bytes]:
    """What the real thing looks like, to begin with."""
    if target == "event":
        return [encoded(make()) for make in (created, paid, approved, shipped, delivered, refunded, stock)]
    if target == "file":
        return [path.read_bytes() for path in Path(config.__file__).parent.glob("*.yaml")]
    return [msgspec.msgpack.encode(_FIELDS)]


def main() -> None:
    """Fuzz the target that the command line names."""
    if sys.argv[1:2] not in [[name] for name in _TARGETS]:
        raise SystemExit(f"name a target: {', '.join(_TARGETS)}")
    name = sys.argv.pop(1)

    def run(data: bytes) -> None:
        _TARGETS[name](data)

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(_seeds(name)):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
