"""The answer policy: for each kind of alert its severity, owner, time to answer and recommended action."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from config.document import read_document
from config.errors import ConfigRefused, explain, unknown
from config.sections import Count, Family, Seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_FILE = Path(__file__).with_name("policy.yaml")
Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # the worst first
FAMILIES: tuple[Family, ...] = get_args(Family)
_Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class Answer(BaseModel):
    """What is to be done about one kind of alert.

    `respond_within_minutes` counts from the alert's start. `min_count` is how many times the condition must
    be seen before it is an alert. `always`: it fires whatever the budget of its family, and takes none of it.
    `cooldown_seconds` and `resolve_after_seconds` replace those of the settings where they are given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: Severity
    owner: _Text
    respond_within_minutes: Count
    recommended_action: Annotated[_Text, Field(max_length=300)]
    min_count: Count = 1
    always: bool = False
    cooldown_seconds: Seconds | None = None
    resolve_after_seconds: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Answers by exact kind (`promotion.stacking`), and by family (`promotion`) where a kind has none."""

    answers: Mapping[str, Answer]

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read the built-in policy, and lay the file `path` over it, if there is one.

        Raises ConfigRefused, in one line, for an unknown family, key or severity.
        """
        said = read_document(DEFAULT_FILE)
        origins = dict.fromkeys(said, DEFAULT_FILE)
        if path is not None:
            for name, entry in read_document(path).items():
                said[name] = said.get(name, {}) | _mapping(path, name, entry)
                origins[name] = path
        names = sorted(said)  # a family comes before its kinds, so that its own mistake is named first
        return cls({name: _answer(origins[name], name, said[_family(name)] | said[name]) for name in names})

    def answer(self, kind: str) -> Answer:
        """Find the answer to `kind`: its own, else its family's. An unknown family is ConfigRefused."""
        found = self.answers.get(kind) or self.answers.get(_family(kind))
        if found is None:
            raise ConfigRefused(f"policy: {unknown('family', _family(kind), FAMILIES)}")
        return found


def _family(kind: str) -> str:
    return kind.partition(".")[0]


def _mapping(origin: Path, name: str, entry: Any) -> dict[str, Any]:
    if _family(name) not in FAMILIES:
        raise ConfigRefused(f"{origin}: {unknown('family', _family(name), FAMILIES)}")
    if not isinstance(entry, dict):
        raise ConfigRefused(f"{origin}: {name}: must be a mapping of {', '.join(Answer.model_fields)}")
    return entry


def _answer(origin: Path, name: str, entry: dict[str, Any]) -> Answer:
    try:
        return Answer(**entry)
    except ValidationError as error:
        raise ConfigRefused(f"{origin}: {name}: {explain(error, Answer)}") from None
