"""Compiled kernels are kept under the sources that they were compiled from.

numba looks at the file of a kernel alone to tell whether its cache is stale: not at the kernels it calls, nor at the
constants it takes from other files, so after an upgrade old machine code would meet new sources. Here the
cache's folder is named by the content of every file with a kernel and of what these import.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numba

_ROOT: Final = Path(__file__).resolve().parent.parent
_PACKAGES: Final = ("features", "models", "stream")
_IMPORTED: Final = re.compile(rf"^(?:from|import) ((?:{'|'.join(_PACKAGES)})[\w.]*)", re.MULTILINE)
_KEPT_SECONDS: Final = 7 * 86_400


def keep_by_source() -> None:
    """Point numba to the folder of these sources; where none can be made, numba's own place stays."""
    folder = _ROOT / "features" / "__pycache__" / f"kernels-{fingerprint(_ROOT)}"
    if numba.config.CACHE_DIR:  # type: ignore[attr-defined]  # numba sets it when it is imported
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.touch()
        _forget_old(folder)
    except OSError:
        return
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]  # likewise


def fingerprint(root: Path) -> str:
    """Hash of the content of each file with a kernel, and of those that it imports."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(_sources(root)):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(root: Path) -> set[Path]:
    texts = {path: path.read_text() for package in _PACKAGES for path in (root / package).rglob("*.py")}
    kernels = {path for path, text in texts.items() if "njit" in text or "@compiled" in text}
    imported = {found for path in kernels for found in _imported(root, texts[path])}
    return kernels | (imported & texts.keys())


def _imported(root: Path, text: str) -> Iterator[Path]:
    for name in _IMPORTED.findall(text):
        yield root.joinpath(*name.split(".")).with_suffix(".py")


def _forget_old(folder: Path) -> None:
    """Remove the kernels of sources that nobody has run for a week."""
    for other in folder.parent.glob("kernels-*"):
        if other != folder and time.time() - other.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
