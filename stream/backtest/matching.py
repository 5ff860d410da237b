"""Which alerts of two runs over the same history are the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stream.backtest.episode import Episode


@dataclass(frozen=True, slots=True)
class Matched:
    """Alerts that only the new run has, only the old one, and both: (old, new). In order of time."""

    added: tuple[Episode, ...]
    removed: tuple[Episode, ...]
    unchanged: tuple[tuple[Episode, Episode], ...]


def match(old: Iterable[Episode], new: Iterable[Episode]) -> Matched:
    """Pair the alerts of two runs: as many pairs as there can be, each alert in one at most.

    Two alerts are the same if they are about the same condition (fingerprint), and were open at the same time: from
    firing to end, both included. So an alert that comes sooner or later by the change is still the same one. Within
    a run the alerts of a condition follow one another, so the first two that meet may be paired.
    """
    pairs: list[tuple[Episode, Episode]] = []
    before, after = _by_condition(old), _by_condition(new)
    for fingerprint in before.keys() & after.keys():
        pairs += _pairs(before[fingerprint], after[fingerprint])
    same_old, same_new = {id(one) for one, _ in pairs}, {id(other) for _, other in pairs}
    return Matched(
        added=tuple(one for one in _in_order(after) if id(one) not in same_new),
        removed=tuple(one for one in _in_order(before) if id(one) not in same_old),
        unchanged=tuple(sorted(pairs, key=lambda pair: _place(pair[0]))),
    )


def _pairs(old: list[Episode], new: list[Episode]) -> Iterator[tuple[Episode, Episode]]:
    i = j = 0
    while i < len(old) and j < len(new):
        one, other = old[i], new[j]
        if max(one.fired_ms, other.fired_ms) <= min(one.ended_ms, other.ended_ms):
            yield one, other
            i, j = i + 1, j + 1
        elif one.ended_ms < other.fired_ms:
            i += 1
        else:
            j += 1


def _by_condition(episodes: Iterable[Episode]) -> dict[str, list[Episode]]:
    found: defaultdict[str, list[Episode]] = defaultdict(list)
    for episode in sorted(episodes, key=_place):
        found[episode.fingerprint].append(episode)
    return found


def _in_order(by_condition: dict[str, list[Episode]]) -> list[Episode]:
    return sorted((one for episodes in by_condition.values() for one in episodes), key=_place)


def _place(episode: Episode) -> tuple[int, str]:
    return episode.fired_ms, episode.fingerprint
