"""What is to be evaluated: seeds, levels, families, data, budget. Refused in one line where that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.errors import ConfigRefused, unknown
from config.policy import FAMILIES
from stream.evaluation import datasets
from stream.simulator.difficulty import DIFFICULTIES, Difficulty

TUNE_SEEDS: Final = (8_001, 8_002)
"""Where thresholds of the others are chosen, and ours may be; never reported."""
REPORT_SEEDS: Final = (9_001, 9_002, 9_003)
_MOST_SEEDS: Final = 100
_MOST_BUDGET: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked for. `families` of none are all of them; `data` of None is no real data; `quick` tunes nothing."""

    seeds: Sequence[int] = REPORT_SEEDS
    difficulties: Sequence[Difficulty] = ("medium",)
    families: Sequence[str] = ()
    data: Path | None = None
    budget: int = 20
    quick: bool = False
    overlays: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Check it; raises ConfigRefused naming value, limit and option."""
        for family in self.families:
            if family not in FAMILIES:
                raise ConfigRefused(f"--families: {unknown('family', family, FAMILIES)}")
        if tuning := sorted(set(self.seeds) & set(TUNE_SEEDS)):
            raise ConfigRefused(f"--seeds: {tuning[0]} is a seed that thresholds are tuned on; name another one")
        if not 0 <= self.budget <= _MOST_BUDGET:
            raise ConfigRefused(f"--budget {self.budget}: must be at least 0 and at most {_MOST_BUDGET:,} alerts a day")
        if self.data is not None and not self.files():
            wanted = ", ".join(dataset.file for dataset in datasets.known().values())
            there = "holds none of" if self.data.is_dir() else "is no folder; wanted is one with"
            raise ConfigRefused(f"--data {self.data}: {there} {wanted}")

    def files(self) -> dict[str, Path]:
        """Data set -> its file, of those that are there."""
        if self.data is None:
            return {}
        paths = {name: self.data / dataset.file for name, dataset in datasets.known().items()}
        return {name: path for name, path in paths.items() if path.is_file()}


def seeds_of(text: str) -> list[int]:
    """`9001,9005-9007` -> the seeds.

    >>> seeds_of("9001,9005-9007")
    [9001, 9005, 9006, 9007]
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or not (last.isdecimal() or not dash):
            raise ConfigRefused(f"--seeds: {part.strip()!r} is neither a number nor a range such as 9001-9003")
        begin, end = int(first), int(last or first)
        if end < begin or end - begin >= _MOST_SEEDS:
            raise ConfigRefused(f"--seeds: {part.strip()!r} must rise, and by less than {_MOST_SEEDS}")
        seeds += range(begin, end + 1)
    return list(dict.fromkeys(seeds))


def difficulties_of(text: str) -> list[Difficulty]:
    """`easy,hard`, or `all` -> levels.

    >>> difficulties_of("all")
    ['easy', 'medium', 'hard']
    """
    if text == "all":
        return list(DIFFICULTIES)
    levels: list[Difficulty] = []
    for part in (one.strip() for one in text.split(",")):
        if part not in DIFFICULTIES:
            raise ConfigRefused(f"--difficulty: {unknown('level', part, [*DIFFICULTIES, 'all'])}")
        levels.append(part)
    return levels
