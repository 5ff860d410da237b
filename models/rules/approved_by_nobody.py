"""An order that passed its review, and nobody reviewed it."""

from __future__ import annotations

from dataclasses import field

import numpy as np
from pydantic import field_validator
from pydantic.dataclasses import dataclass

from config.errors import unknown
from features.approver import NAMED, NOBODY, STAND_INS, UNTOLD, code_of
from features.batch import Batch
from features.event import APPROVED
from features.feature import STRICT
from models.examples import approved, created, paid
from models.finding import NOTHING, Findings, found
from models.rule import Rule
from models.rules._place import names_of

_NO_ONE = ["-", "n/a", "nobody", "none", "null", "unknown"]


@dataclass(config=STRICT)
class ApprovedByNobody(Rule):
    """The approval says by whom, and that is nobody: `approved_by` is empty, blank, null, or a word for no one.

    The name itself is not kept: an event is read into a code (`features.approver`), which knows a few words that stand
    where a name should. An approval without the field says nothing, unless it is required. Observed is 1 of at most 0.

    Parameters
    ----------
    nobody
        Words that count as nobody, of those in `features.approver.STAND_INS`; "system" where no order may pass
        without a person.
    required
        Whether an approval must say by whom.
    """

    kind = "process.approved_by_nobody"
    entity_type = "channel"

    FIRES = (
        [created(), paid(), approved(approved_by="")],
        [created(), paid(), approved(approved_by=None)],
        [created(), paid(), approved(approved_by="Unknown")],
        [approved(approved_by=" ")],
    )
    QUIET = (
        [created(), paid(), approved()],
        [created(), paid(), approved(approved_by="reviewer-7")],
        [created(), paid(), approved(approved_by="system")],
        [created() | {"approved_by": ""}, paid()],
    )

    nobody: list[str] = field(default_factory=_NO_ONE.copy)
    required: bool = False

    @field_validator("nobody")
    @classmethod
    def _are_known(cls, words: list[str]) -> list[str]:
        for word in words:
            if word not in STAND_INS:
                raise ValueError(unknown("word", word, STAND_INS))
        return words

    def __post_init__(self) -> None:
        """Which codes are nobody's."""
        self._wrong = np.zeros(NAMED + 1 + len(STAND_INS), np.bool_)
        self._wrong[[NOBODY, *map(code_of, self.nobody)]] = True
        self._wrong[UNTOLD] = self.required

    def check(self, batch: Batch) -> Findings:
        """Approvals by nobody."""
        at = (batch.kind == APPROVED).nonzero()[0]
        if not len(at):
            return NOTHING
        at = at[self._wrong[batch.approver[at]]]
        if not len(at):
            return NOTHING
        channels = names_of(self._spaces, "channel", batch.life.place[at])
        return found(batch, at, channels, observed=np.ones(len(at)), high=0)
