"""A certificate authority of one test, made by openssl: who signs, and who is trusted."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.parts.needs import program
from tests.parts.ports import HOST

if TYPE_CHECKING:
    from pathlib import Path

_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_DAY: Final = ("-days", "1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of a certificate and its private key, both PEM."""

    certfile: Path
    keyfile: Path


class Authority:
    """Signs certificates for loopback that are valid for a day; `cafile` is what trusts them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._own = Certificate(folder / "ca.pem", folder / "ca.key")
        files = ["-keyout", str(self._own.keyfile), "-out", str(self._own.certfile)]
        _openssl("req", "-x509", *_KEY, *_DAY, "-subj", "/CN=orderwatch test authority", *files)

    @property
    def cafile(self) -> Path:
        """The authority's own certificate."""
        return self._own.certfile

    def sign(self, name: str, host: str = HOST) -> Certificate:
        """Make a certificate, for a server at the address `host` or a client."""
        made = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        signer = ["-CA", str(self._own.certfile), "-CAkey", str(self._own.keyfile)]
        files = ["-keyout", str(made.keyfile), "-out", str(made.certfile)]
        about = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{host}"]
        _openssl("req", "-x509", *_KEY, *_DAY, *about, *signer, *files)
        return made


def _openssl(*arguments: str) -> None:
    subprocess.run([program("openssl"), *arguments], check=True, capture_output=True)
