"""Remembers event ids, so that a repeated delivery changes nothing."""

from __future__ import annotations


class SeenEvents:
    """The last `window` to 2 x `window` event ids of one partition: two generations, the older one dropped whole.

    Memory: about 150 bytes an id.

    >>> seen = SeenEvents(window=2)
    >>> [seen.is_new(event_id) for event_id in ("a", "a", "b", "a")]
    [True, False, True, False]
    """

    def __init__(self, window: int) -> None:
        """Remember at least the last `window` ids."""
        self._window = window
        self._young: set[str] = set()
        self._old: set[str] = set()

    def is_new(self, event_id: str) -> bool:
        """Whether the id was not seen lately; it is from now on."""
        if event_id in self._young or event_id in self._old:
            return False
        self._young.add(event_id)
        if len(self._young) >= self._window:
            self._old, self._young = self._young, set()
        return True

    def forget(self, event_id: str) -> None:
        """Take back an id whose event turned out to be no event."""
        self._young.discard(event_id)
        self._old.discard(event_id)
