"""A line of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What a fault led to. `letters` : dead letters too few or too many. `arrays` : None where they may differ."""

    fault: str
    times: int
    expected: int
    lost: int
    doubled: int
    changed: int
    letters: int
    arrays: list[str] | None
    gaps: list[float]
    is_finished: bool = True

    @classmethod
    def unfinished(cls, fault: str) -> Row:
        """One that was not played to its end."""
        return cls(f"{fault}: NOT FINISHED", 0, 0, 0, 0, 0, 0, None, [], is_finished=False)

    @property
    def counts(self) -> list[int | str]:
        """As they are printed."""
        arrays = "-" if self.arrays is None else len(self.arrays)
        return [self.times, self.expected, self.lost, self.doubled, self.changed, self.letters, arrays]

    @property
    def is_exact(self) -> bool:
        """Whether nothing differs from the calm run."""
        return self.is_finished and not (self.lost or self.doubled or self.changed or self.letters or self.arrays)
