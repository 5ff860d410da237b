"""The cache of compiled kernels follows the sources: what a kernel calls or takes from elsewhere counts, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import pytest

from config.kernels import fingerprint

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    files = {
        "features/kernel.py": "from numba import njit\nfrom features.limits import MOST\n@njit\ndef f(): return MOST\n",
        "features/limits.py": "MOST = 1\n",
        "models/words.py": "HELLO = 'hello'\n",
        "stream/nothing.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("name", ["features/kernel.py", "features/limits.py"])
def test_an_edit_of_a_kernel_or_of_what_it_imports_makes_another_folder(sources: Path, name: str) -> None:
    before = fingerprint(sources)
    (sources / name).write_text((sources / name).read_text() + "# edited\n")
    assert fingerprint(sources) != before


def test_an_edit_elsewhere_keeps_what_was_compiled(sources: Path) -> None:
    before = fingerprint(sources)
    (sources / "models/words.py").write_text("HELLO = 'good day'\n")
    assert fingerprint(sources) == before


def test_importing_the_features_points_numba_there() -> None:
    import features  # noqa: F401  # the import is what is tested

    assert "kernels-" in numba.config.CACHE_DIR  # type: ignore[attr-defined]  # numba sets it when it is imported
