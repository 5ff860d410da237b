"""A certificate for 127.0.0.1, made by Java's keytool for one test: the broker's store, and what clients trust."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.parts.needs import program
from tests.parts.ports import HOST

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificate:
    """`keystore` (PKCS#12, with the private key) is the broker's; `cafile` (PEM) is for `kafka.ssl_cafile`."""

    keystore: Path
    password: str
    cafile: Path


def make_certificate(folder: Path) -> Certificate:
    """A self-signed certificate of loopback, with its key, valid for a day."""
    made = Certificate(folder / "broker.p12", secrets.token_hex(16), folder / "ca.pem")
    store = ["-keystore", str(made.keystore), "-storetype", "PKCS12", "-storepass", made.password, "-alias", "broker"]
    name = ["-dname", "CN=orderwatch-test", "-ext", f"san=ip:{HOST}", "-validity", "1"]
    _keytool("-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", *store, *name)
    _keytool("-exportcert", "-rfc", "-file", str(made.cafile), *store)
    return made


def _keytool(*arguments: str) -> None:
    subprocess.run([program("keytool"), *arguments], check=True, capture_output=True)
