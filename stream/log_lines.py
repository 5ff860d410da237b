"""What a worker writes to standard error: lines for a person or JSON for a collector, and no floods of the same."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.sections import LogSettings

_TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LIBRARIES: Final = ("aiokafka", "faust", "mode")
_MOST_TEMPLATES: Final = 1000  # far more than these libraries have; a bound all the same


def configure(settings: LogSettings, *, verbose: bool) -> None:
    """Send the log to standard error as the settings say; `verbose` says more of what happens inside."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if settings.format == "json" else logging.Formatter(_TEXT))
    handler.addFilter(FloodGate(settings.repeat_seconds))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[handler], force=True)


class JsonLines(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, and error with its traceback if any.

    >>> record = logging.LogRecord("stream", logging.WARNING, "", 0, "%s is away", ("Redis",), None)
    >>> record.created = 1772467200.25
    >>> print(JsonLines().format(record))
    {"time": "2026-03-02T16:00:00.250Z", "level": "warning", "logger": "stream", "message": "Redis is away"}
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class FloodGate(logging.Filter):
    """Lets a line of a library through once in `seconds`, and says with the next one how many were left out.

    Lines are the same if they have one template: while a broker is away aiokafka writes the same several times a
    second, with other numbers in it. Our own lines all pass; they are written once by those who write them.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds, self._clock = seconds, clock
        self._last: dict[tuple[str, int, str], float] = {}
        self._left_out: dict[tuple[str, int, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write the record; adds what was left out to its message."""
        if record.name.partition(".")[0] not in _LIBRARIES:
            return True
        key = (record.name, record.levelno, str(record.msg))
        now = self._clock()
        if now - self._last.get(key, -self._seconds) < self._seconds:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return False
        if len(self._last) >= _MOST_TEMPLATES:
            self._last.clear()
            self._left_out.clear()
        self._last[key] = now
        left_out = self._left_out.pop(key, 0)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out:,} more like it)", None
        return True
