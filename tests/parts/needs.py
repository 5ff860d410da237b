"""What the machine must have for the real parts, and the one line that says what is missing."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Final

JAVA_RELEASE: Final = 17  # the oldest that a Kafka 4 broker runs on

_PACKAGES: Final = {  # program -> Debian's package
    "java": f"openjdk-{JAVA_RELEASE}-jre-headless",
    "keytool": f"openjdk-{JAVA_RELEASE}-jre-headless",
    "mvn": "maven",
    "openssl": "openssl",
    "redis-server": "redis-server",
}


class RealPartsError(RuntimeError):
    """A real part is missing, cannot be fetched or does not start; the message is one line and says which."""


def check_needs() -> None:
    """Raise `RealPartsError`, naming everything that is missing and what to install, unless all is there."""
    missing = [program for program in _PACKAGES if shutil.which(program) is None]
    if missing:
        packages = sorted({_PACKAGES[program] for program in missing})
        raise RealPartsError(
            f"the tests on real parts need {', '.join(missing)}, not found on PATH; "
            f"on Debian: apt-get install {' '.join(packages)}"
        )
    release = _java_release()
    if release < JAVA_RELEASE:
        raise RealPartsError(
            f"the tests on real parts need Java {JAVA_RELEASE} or later, and `java` on PATH is {release}; "
            f"on Debian: apt-get install {_PACKAGES['java']}"
        )


def program(name: str) -> str:
    """The path of an installed program; `RealPartsError` if it is not there."""
    found = shutil.which(name)
    if found is None:
        raise RealPartsError(f"{name} is not on PATH; on Debian: apt-get install {_PACKAGES[name]}")
    return found


def _java_release() -> int:
    said = subprocess.run([program("java"), "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None:
        raise RealPartsError(f"`java -version` does not say its version: {said.strip()[:200]!r}")
    return int(version[1])
