"""What is counted of checkpoints, in Prometheus's words."""

from __future__ import annotations

import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from stream.checkpoint.shelf import Saved

_PREFIX: Final = "orderwatch"
_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_PAUSE_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_KEYS: Final = "keys/owner"  # the array that each table of keys has, a row a key


class CheckpointMetrics:
    """Counted as they happen: a few numbers every few seconds."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Nothing was saved yet."""
        own = registry or CollectorRegistry()
        self._seconds = Histogram(
            f"{_PREFIX}_checkpoint_seconds",
            "From looking at the state until its markers are acknowledged.",
            buckets=_SECONDS,
            registry=own,
        )
        self._pause = Histogram(
            f"{_PREFIX}_checkpoint_pause_seconds",
            "For how long a checkpoint keeps orders from being judged.",
            buckets=_PAUSE_SECONDS,
            registry=own,
        )
        self._bytes = Counter(f"{_PREFIX}_checkpoint_bytes", "Bytes written for checkpoints.", registry=own)
        self._failures = Counter(f"{_PREFIX}_checkpoint_failures", "Checkpoints that Kafka did not take.", registry=own)
        age = Gauge(
            f"{_PREFIX}_checkpoint_age_seconds",
            "Since all that was judged was last safe; NaN before the state is taken over.",
            registry=own,
        )
        age.set_function(lambda: time.monotonic() - self._last)
        self._state_bytes = Gauge(f"{_PREFIX}_state_bytes", "Size of the state, as last saved or read.", registry=own)
        self._restore = Gauge(f"{_PREFIX}_restore_seconds", "What taking the state over took, last.", registry=own)
        self._keys = Gauge(f"{_PREFIX}_restored_keys", "Keys of the state that was taken over last.", registry=own)
        self._last = float("nan")

    def saved(self, seconds: float, paused: float, nbytes: int, state_bytes: int) -> None:
        """Take down a checkpoint that is durable."""
        self._last = time.monotonic()
        self._seconds.observe(seconds)
        self._pause.observe(paused)
        self._bytes.inc(nbytes)
        self._state_bytes.set(state_bytes)

    def clean(self) -> None:
        """Say that there is nothing to save."""
        self._last = time.monotonic()

    def failed(self) -> None:
        """Count one that is not."""
        self._failures.inc()

    def loaded(self, saved: Saved | None, seconds: float) -> None:
        """Take down what was taken over."""
        state = {} if saved is None else saved.state
        self._last = time.monotonic()
        self._restore.set(seconds)
        self._state_bytes.set(sum(array.nbytes for array in state.values()))
        self._keys.set(sum(len(array) for name, array in state.items() if name.endswith(_KEYS)))
