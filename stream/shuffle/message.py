"""What stands in the topic of slices, and how it is written."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from models.verdict import Verdict
from stream.checkpoint.packed import PackedWrong, packed, unpacked

LAYOUT: Final = 1
"""To be raised whenever a message says something else, or the same in other words."""

_KNOB: Final = "run one release in all workers"

Owned: TypeAlias = tuple[int, int]
"""A partition, and the epoch of whoever says something of it."""


class Takeover(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """From here on only what this epoch says of the partition counts; `begins` : where the first one of all begins."""

    partition: int
    epoch: int
    begins: int


class Piece(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The slice of the records from offset `begins` up to `ends`; `at_end` : the sender's partitions, all read."""

    partition: int
    epoch: int
    begins: int
    ends: int
    at_end: tuple[Owned, ...]
    block: bytes


class AtEnd(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The sender's partitions hold nothing that was not read."""

    at_end: tuple[Owned, ...]


class Silence(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Event time passed in a partition where nothing came; `number` counts these, `verdicts` follow of it."""

    partition: int
    epoch: int
    number: int
    now_ms: int
    verdicts: tuple[Verdict, ...]


Message: TypeAlias = Takeover | Piece | AtEnd | Silence


class MessageRefused(ValueError):
    """A message of another layout, or one that nobody of us wrote; the text is one line."""


def written_message(message: Message) -> bytes:
    """A message as it stands in the topic."""
    return bytes([LAYOUT]) + packed(_encode(message))


def read_message(value: bytes) -> Message:
    """What was written. Raises `MessageRefused`.

    >>> read_message(written_message(Takeover(3, 17, 0)))
    Takeover(partition=3, epoch=17, begins=0)
    >>> read_message(bytes([99]))
    Traceback (most recent call last):
    stream.shuffle.message.MessageRefused: a slice has layout 99 and this worker reads 1: run one release in all workers
    """
    layout = value[0] if value else 0
    if layout != LAYOUT:
        raise MessageRefused(
            f"a slice has layout {layout} and this worker reads {LAYOUT}: run one release in all workers"
        )
    try:
        return _read(unpacked(value[1:]))
    except (PackedWrong, msgspec.DecodeError) as error:
        raise MessageRefused(f"the topic of slices holds what is none: {error}") from error


_encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_read = _decoder.decode
