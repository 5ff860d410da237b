"""How a trained model gets into the registry: from a notebook, or from the files that one has written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from config.settings import Settings
from models.detector import Detector, F64Matrix
from models.npz import unpacked
from models.package import ModelRefused, pack
from stream.model_registry.manifest import Manifest, Training
from stream.model_registry.registry import Registry
from stream.model_registry.serving import build_detector
from stream.model_registry.skew import feature_hash, feature_hashes, libraries

_SKLEARN: Final = "sklearn_detector"


def add_detector(
    registry: Registry,
    name: str,
    part: str,
    detector: Detector,
    *,
    features: Sequence[str],
    settings: Settings,
    author: str,
    note: str = "",
    rows: F64Matrix | None = None,
    training: Training | None = None,
    metrics: Mapping[str, float] | None = None,
) -> Manifest:
    """Keep a trained detector as the next version of `name`; it is a challenger.

    `features` are the columns that it was trained on, in their order, and `settings` those that made them: their
    fingerprint is kept, and compared with the worker's. `rows` that it has not learned prove the copy and give
    its scores their scale (see `models.package.pack`).
    """
    return registry.add(
        name,
        pack(part, detector, tuple(features), rows),
        author=author,
        note=note,
        training=training,
        metrics={key: float(value) for key, value in (metrics or {}).items()},
        feature_hash=feature_hash(settings, features),
        feature_hashes=feature_hashes(settings, features),
        libraries=libraries(),
    )


def detector_of(file: Path, part: str | None, params: Mapping[str, Any], trusted: Sequence[str] = ()) -> Detector:
    """The detector of a `.skops` file (a fitted scikit-learn model), or of a `.npz` file (its `get_state`).

    A scikit-learn model is served as it was evaluated: it is never fitted again unless `params` say `refit_rows`.
    Raises ModelRefused for any other file; a pickle is never read.
    """
    if file.suffix == ".skops":
        host = {"file": str(file), "trusted": list(trusted)}
        return build_detector(part or _SKLEARN, {"refit_rows": 0, **params, **host})
    if file.suffix != ".npz":
        raise ModelRefused(f"{file}: is neither .skops nor .npz; no other format is read, since it could hold code")
    if part is None:
        raise ModelRefused(f"{file}: name the detector that it is the state of with --part")
    detector = build_detector(part, params)
    try:
        detector.set_state(unpacked(_bytes_of(file)))
    except (ValueError, KeyError, IndexError, NotImplementedError) as error:
        raise ModelRefused(f"{file}: no state of {part} with these parameters: {error}") from None
    return detector


def rows_of(file: Path) -> F64Matrix:
    """Rows of features from a `.npy` file. Raises ModelRefused."""
    try:
        return np.asarray(np.load(file, allow_pickle=False), np.float64)
    except (ValueError, OSError, EOFError) as error:
        raise ModelRefused(f"{file}: no .npy file of numbers ({error})") from None


def training_of(start: str, end: str, rows: int, data: Sequence[Path]) -> Training:
    """What a model was trained on. Raises ModelRefused for a time that is none."""
    for moment in filter(None, (start, end)):
        try:
            datetime.fromisoformat(moment)
        except ValueError:
            raise ModelRefused(f"{moment!r} is no time; write it as 2026-01-01 or 2026-01-01T00:00:00Z") from None
    return Training(start=start, end=end, rows=rows, data_hash=hash_of_files(data) if data else "")


def hash_of_files(files: Sequence[Path]) -> str:
    """SHA-256 over the SHA-256 of each file, in their order: what a model was trained on, whatever it is called."""
    hashes = [hashlib.sha256(_bytes_of(file)).hexdigest() for file in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def hash_of_rows(rows: F64Matrix) -> str:
    """SHA-256 of a table of numbers: its shape, then its values as little-endian float64, row by row.

    >>> hash_of_rows(np.zeros((2, 1))) == hash_of_rows(np.zeros((1, 2)))
    False
    """
    return hashlib.sha256(str(rows.shape).encode() + np.ascontiguousarray(rows, "<f8").tobytes()).hexdigest()


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelRefused(f"{file}: cannot be read: {error.strerror}") from None
