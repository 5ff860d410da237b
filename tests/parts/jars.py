"""Apache Kafka's jars, fetched once by Maven into a folder that git ignores.

Maven finds its repositories by its own configuration. The folder is named after the content of pom.xml, so
that another version there is fetched anew, and it appears in one step, so that a run that was cut short leaves
none.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.parts.needs import RealPartsError, program

_POM: Final = Path(__file__).with_name("pom.xml")
_CACHE: Final = Path(__file__).parents[2] / ".parts"
_FETCH_SECONDS: Final = 420.0


def kafka_classpath() -> str:
    """The class path of a broker, fetched if it is not there yet. Raises `RealPartsError` if Maven cannot."""
    name = f"kafka-{hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]}"
    folder = _CACHE / name
    if not folder.is_dir():
        _CACHE.mkdir(exist_ok=True)
        fetched = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=_CACHE))
        try:
            _fetch(fetched)
            _publish(fetched, folder)
        finally:
            shutil.rmtree(fetched, ignore_errors=True)
    return f"{folder}/*"


def _publish(fetched: Path, folder: Path) -> None:
    try:
        fetched.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another run was quicker, and has the same jars
            raise


def _fetch(folder: Path) -> None:
    command = [
        program("mvn"),
        "--batch-mode",
        "--quiet",
        "--strict-checksums",
        "--update-snapshots",  # also: ask again for what an earlier run did not find
        f"--file={_POM}",
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={folder}",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise RealPartsError(f"Maven did not fetch Kafka's jars within {_FETCH_SECONDS:g} s") from error
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
        raise RealPartsError(f"Maven did not fetch Kafka's jars: {errors[0] if errors else done.stderr.strip()}")
