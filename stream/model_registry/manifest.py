"""What is written of a version and of each change of stage, and the seal that shows a change to either."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from models.package import ModelRefused

Action = Literal["promote", "rollback", "retire"]
Stage = Literal["challenger", "champion", "retired"]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[int, msgspec.Meta(ge=1)]
T = TypeVar("T")

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_REFERENCE: Final = re.compile(rf"({NAME.pattern})(?:@([1-9][0-9]{{0,8}}))?")


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something written once."""


class StoredFile(_Record, frozen=True):
    """One file of a version."""

    sha256: Sha256
    bytes: int


class Training(_Record, frozen=True):
    """What a model was trained on: event times (RFC 3339; the end is not in it), rows, and the hash of the data."""

    start: str = ""
    end: str = ""
    rows: int = 0
    data_hash: str = ""


class Manifest(_Record, frozen=True):
    """All that is known of one version, but its stage.

    `feature_hash` is the fingerprint of the features that made its rows (`features.fingerprint`), and
    `feature_hashes` that of each of them alone, to say which one differs. `libraries` : name -> version.
    """

    name: str
    version: Number
    part: str
    params: dict[str, Any]
    features: tuple[str, ...]
    feature_hash: str
    feature_hashes: dict[str, str]
    training: Training
    libraries: dict[str, str]
    metrics: dict[str, float]
    author: str
    note: str
    created_at: str
    files: dict[str, StoredFile]

    @property
    def label(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"


class Reign(_Record, frozen=True):
    """A version that served, and the seal of its manifest at that time."""

    version: Number
    seal: Sha256


class Change(_Record, frozen=True):
    """One change of stage, and how things stand after it.

    `line` : the champions one after the other, without those that were rolled back; the last one serves.
    `before` : seal of the change before it. `mark` tells two changes apart that are else the same.
    """

    number: Number
    action: Action
    version: Number
    line: tuple[Reign, ...]
    retired: tuple[int, ...]
    author: str
    note: str
    at: str
    before: str
    mark: str


class _Sealed(msgspec.Struct, forbid_unknown_fields=True):
    seal: str
    record: msgspec.Raw


def sealed(record: _Record) -> tuple[bytes, str]:
    """A record as the bytes of its file, and its seal: the SHA-256 of its JSON."""
    body = msgspec.json.encode(record, order="sorted")
    seal = hashlib.sha256(body).hexdigest()
    return msgspec.json.encode(_Sealed(seal, msgspec.Raw(body))), seal


def opened(data: bytes, type_: type[T], where: str) -> tuple[T, str]:
    """A record and its seal. Raises ModelRefused naming the file when it was changed, or is none of ours."""
    try:
        envelope = msgspec.json.decode(data, type=_Sealed)
        body = bytes(envelope.record)
        if (found := hashlib.sha256(body).hexdigest()) != envelope.seal:
            raise ModelRefused(f"{where} was changed: its sha256 is {found[:12]}, written was {envelope.seal[:12]}")
        return msgspec.json.decode(body, type=type_), envelope.seal
    except msgspec.MsgspecError as error:
        raise ModelRefused(f"{where} cannot be read: {error}") from None


def parse_reference(text: str) -> tuple[str, int | None]:
    """Read `name` or `name@version`. Raises ModelRefused.

    >>> parse_reference("baskets@3"), parse_reference("baskets")
    (('baskets', 3), ('baskets', None))
    """
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise ModelRefused(f"{text!r} is no model: write name or name@version; a name is [a-z0-9._-], 64 at most")
    return found[1], int(found[2]) if found[2] else None
