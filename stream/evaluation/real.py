"""Trials in real orders: the first two fifths train, the next fifth tunes, the last two fifths report.

A part's time is cut into as many stretches as there are faults to play, and each fault is given one of them by the
seed. What the data set itself is known to hold is labelled, too; all else that is told of it counts as false, though
some of it is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from config.settings import Settings, load
from stream.evaluation import faults, promotions
from stream.evaluation.dataset import DataSet
from stream.evaluation.fault import Fault, Stage
from stream.evaluation.history import History
from stream.evaluation.trial import DAY_MS, Purpose, Trial
from stream.simulator.difficulty import DIFFICULTIES, Difficulty
from stream.simulator.label import Label

PARTS: Final = {"tune": (0.4, 0.6), "report": (0.6, 1.0)}
"""Shares of the orders between which a part lies."""
_OF_EACH: Final = {"tune": 1, "report": 4}
_TRIES: Final = 20


def settings_of(dataset: type[DataSet], budget: int, overlays: Sequence[Path] = ()) -> Settings:
    """The settings as shipped, with what such a shop would set, under a budget."""
    return load(*overlays, **{**dataset.overrides, "alerts": {"budget_per_day": budget}})


def trial(  # one call says what a trial is
    name: str,
    dataset: type[DataSet],
    path: Path,
    seed: int,
    difficulty: Difficulty,
    purpose: Purpose,
    settings: Settings,
) -> Trial:
    """Read the file, put faults into the part that `purpose` names, and cut off what follows it."""
    rng = np.random.default_rng([seed, DIFFICULTIES.index(difficulty), *name.encode()])
    history = History(dataset.events(path))
    begins_ms, (from_ms, to_ms) = history.begin(), (history.at_share(share) for share in PARTS[purpose])
    promotions.use_honestly(history, rng)
    labels = _injected(history, (from_ms, to_ms), difficulty, _OF_EACH[purpose], rng)
    labels += [label for label in dataset.found if from_ms <= label.starts_at_ms < to_ms]
    return Trial(
        source=name,
        level=difficulty,
        seed=seed,
        purpose=purpose,
        lines=history.lines(to_ms),
        labels=sorted(labels, key=lambda label: label.starts_at_ms),
        settings=settings,
        register=promotions.register(),
        begins_ms=begins_ms,
        reports_from_ms=from_ms,
        ends_ms=to_ms,
    )


def _injected(
    history: History, part: tuple[int, int], difficulty: Difficulty, of_each: int, rng: np.random.Generator
) -> list[Label]:
    types = history.event_types
    chosen = [fault() for fault in faults.known().values() if fault.needs <= types for _ in range(of_each)]
    edges = np.linspace(*part, len(chosen) + 1).astype(np.int64).tolist()
    labels = []
    for fault, place in sorted(_placed(chosen, edges, rng), key=lambda one: not one[0].moves_volume):
        for _ in range(_TRIES):
            label = fault.inject(Stage(history, edges[place], edges[place + 1], rng, difficulty))
            if label is not None:
                labels.append(label)
                break
    return [label for label in labels if label.starts_at_ms < part[1]]


def _placed(chosen: list[Fault], edges: list[int], rng: np.random.Generator) -> list[tuple[Fault, int]]:
    """Give each fault a stretch that begins early enough for it to show: those that take longest choose first."""
    places = rng.permutation(len(chosen)).tolist()
    given = []
    for fault in sorted(chosen, key=lambda fault: -fault.shows_within_days):
        last_ms = edges[-1] - fault.shows_within_days * DAY_MS
        place = next((place for place in places if edges[place + 1] <= last_ms), None)
        if place is not None:
            places.remove(place)
            given.append((fault, place))
    return given
