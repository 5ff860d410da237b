"""What strangers can send us, each as a function of bytes that must not raise: events, files, entries of the stream.

The property tests in `tests/test_fuzz.py` feed them with what resembles the real thing; `python -m tests.parts.fuzz`
feeds them with what atheris finds to reach new code.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import msgspec

from config.calendar import Calendar
from config.errors import ConfigRefused
from config.policy import Policy
from config.promotions import PromotionRegister
from config.settings import load
from models.examples import created, encoded
from stream.alert_channel import _delivered
from stream.alert_reader import _entry, _is_alert
from stream.assembly import Assembly
from stream.dead_letter import headers
from stream.pipeline import Pipeline
from stream.record import StoredRecord

MOST_CPU_SECONDS = 1.0
_PLAN = {"promotions": [{"promotion_id": "P1", "excludes": ["P2"], "client_version_min": "8"}]}
_LONGEST_LINE = 2_000


@contextmanager
def quick(what: str):
    """Fail where an input takes longer than any honest one could, however loaded the machine is."""
    began = time.process_time()
    yield
    spent = time.process_time() - began
    assert spent < MOST_CPU_SECONDS, f"{what} took {spent:.1f} s"


@cache
def _pipeline() -> Pipeline:
    small = dict.fromkeys(("max_orders", "max_products", "max_customers", "max_sellers", "max_promotions"), 500)
    pipeline = Pipeline(load(state=small), partitions=1, promotions=PromotionRegister.parse(_PLAN))
    pipeline.process(0, [StoredRecord(encoded(created("warm-up")), b"k", 0)], wait=False)
    return pipeline


_offset = 0


def event(value: bytes) -> int:
    """A message: it is an event, a known one, or one dead letter, and the next order is judged as ever.

    Returns how many dead letters it cost.
    """
    global _offset  # noqa: PLW0603  # a log goes on
    pipeline = _pipeline()
    honest = encoded(created(f"honest-{_offset}", total_price="1.00"))
    with quick(f"a message of {len(value)} bytes"):
        outcome = pipeline.process(0, [StoredRecord(value, b"k", _offset + 1)], wait=False)
    assert outcome.events + outcome.duplicates + len(outcome.dead_letters) == 1
    for letter in outcome.dead_letters:
        assert letter.value == value
        assert sum(len(text) for _, text in headers(letter, "orders")) < _LONGEST_LINE
    after = pipeline.process(0, [StoredRecord(honest, b"k", _offset + 2)], wait=False)
    assert (after.events, after.dead_letters) == (1, [])
    _offset += 2
    return len(outcome.dead_letters)


def file(text: bytes) -> int:
    """A file of settings, promotions, answers or days: it is read, or refused in one line.

    Returns how many of the four readers took it.
    """
    _parts_are_imported()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.yaml"
        path.write_bytes(text)
        readers = (_settings, PromotionRegister.load, Policy.load, lambda one: Calendar.load(one, "Europe/Berlin"))
        return sum(_is_read(reader, path) for reader in readers)


@cache
def _parts_are_imported() -> None:
    """What is done once is no file's fault."""
    Assembly(load(), PromotionRegister({}))


def _settings(path: Path) -> object:
    return Assembly(load(path), PromotionRegister({}))


def _is_read(reader, path: Path) -> bool:
    try:
        with quick(f"a file of {path.stat().st_size} bytes"):
            reader(path)
    except ConfigRefused as refused:
        message = str(refused)
        assert "\n" not in message, message
        assert len(message) < _LONGEST_LINE, len(message)
        return False
    return True


def entry(text: bytes) -> bool:
    """An entry of the alert stream, its fields as MessagePack; returns whether it is an alert."""
    fields: dict[bytes, bytes] = {}
    with suppress(msgspec.MsgspecError):
        fields = msgspec.msgpack.decode(text, type=dict[bytes, bytes])
    is_alert = _is_alert(fields)
    if is_alert:
        _entry("1-0", fields, 1)
    assert (_delivered(b"1-0", fields) is not None) == is_alert
    return is_alert
