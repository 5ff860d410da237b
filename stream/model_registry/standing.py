"""The stages of a model's versions, and what each change of stage makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.package import ModelRefused
from stream.model_registry.manifest import Action, Change, Reign, Stage

_LONGEST_LINE: Final = 100
"""Champions remembered for rollbacks; all changes of stage stay in their files."""


@dataclass(frozen=True, slots=True)
class Move:
    """A change of stage that is meant: what is done to which version, and how things stand then."""

    action: Action
    version: int
    line: tuple[Reign, ...]
    retired: frozenset[int]


@dataclass(frozen=True, slots=True)
class Standing:
    """The stages of a model's versions after its last change, and the seal of that change."""

    name: str
    last: Change | None = None
    seal: str = ""

    @property
    def number(self) -> int:
        """How many changes there were."""
        return self.last.number if self.last else 0

    @property
    def line(self) -> tuple[Reign, ...]:
        """The champions, the serving one last."""
        return self.last.line if self.last else ()

    @property
    def champion(self) -> int | None:
        """The version that serves."""
        return self.line[-1].version if self.line else None

    @property
    def retired(self) -> frozenset[int]:
        """Versions that do not serve again unless they are promoted again."""
        return frozenset(self.last.retired if self.last else ())

    def stage_of(self, version: int) -> Stage:
        """Stage of a version that exists."""
        if version == self.champion:
            return "champion"
        return "retired" if version in self.retired else "challenger"

    def promoted(self, version: int, seal: str) -> Move:
        """A version becomes champion, the champion is retired."""
        if version == self.champion:
            raise ModelRefused(f"{self.name}@{version} is the champion already")
        retired = self.retired - {version} | {reign.version for reign in self.line[-1:]}
        line = (*self.line, Reign(version=version, seal=seal))
        return Move("promote", version, line[-_LONGEST_LINE:], frozenset(retired))

    def rolled_back(self) -> Move:
        """The champion before this one is champion again, this one is retired."""
        if len(self.line) < 2:  # noqa: PLR2004 - this one, and one before it
            raise ModelRefused(f"{self.name}: no champion before {self.champion or 'the first'} to go back to")
        *line, undone = self.line
        version = line[-1].version
        return Move("rollback", version, tuple(line), self.retired - {version} | {undone.version})

    def put_aside(self, version: int) -> Move:
        """A challenger is retired."""
        if self.stage_of(version) != "challenger":
            raise ModelRefused(f"{self.name}@{version} is {self.stage_of(version)}: only a challenger is put aside")
        return Move("retire", version, self.line, self.retired | {version})
