"""A source whose events come into the log later than they used to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import delivered, paid
from models.finding import NOTHING, Findings, found
from models.rule import Example, Rule
from models.rules._source import sources_of

if TYPE_CHECKING:
    from features.batch import Batch


def _told(n: int, lag_seconds: float) -> dict[str, object]:
    return paid(f"o{n}", at=60.0 * n) | {"arrived_seconds": lag_seconds}


_PROMPT: Final = [_told(n, 0.2 + 0.1 * (n % 5)) for n in range(110)]
_LATE: Final = [_told(200 + n, 90.0) for n in range(13)]


@dataclass(config=STRICT)
class IngestionLag(Rule):
    """Events of one source that come into the log later than they used to: its queue or its connection is slow.

    The feature `ingestion_lag` gathers the evidence; the log's own time says when an event came, so a slow reader is no
    slow source. Each order of a channel and each type of event is a source. Observed is the lag, in seconds.

    Parameters
    ----------
    min_evidence
        CUSUM, in spreads, from which a source counts as slow: 25, at a drift of 1, is some thirteen events in a row
        that are very late.
    min_seconds
        Lag below which nobody minds.
    """

    kind = "latency.ingestion_lag"
    entity_type = "source"
    reads: ClassVar[tuple[str, ...]] = ("ingestion_lag",)

    FIRES: ClassVar[tuple[Example, ...]] = ([*_PROMPT, *_LATE],)
    QUIET: ClassVar[tuple[Example, ...]] = (
        [*_PROMPT, *_LATE[:12]],
        [*_PROMPT, *(_told(200 + n, 20.0) for n in range(40))],
        [*_PROMPT, *(_told(200 + n, 90_000.0) for n in range(40))],
        [*_PROMPT, *(delivered(f"o{200 + n}", at=20_000.0 + n) for n in range(40))],
    )

    min_evidence: Annotated[float, Gt(0)] = 25.0
    min_seconds: Annotated[float, Gt(0)] = 30.0

    def check(self, batch: Batch) -> Findings:
        """Late events of sources that are slow."""
        column = batch.columns.get("ingestion_lag")
        if column is None or column.is_silent or not np.count_nonzero(column.values >= self.min_evidence):
            return NOTHING
        seconds = (batch.arrived_ms - batch.time_ms) / 1000.0
        high = np.fmax(column.high, self.min_seconds)
        at = ((column.values >= self.min_evidence) & (seconds > high)).nonzero()[0]
        return found(batch, at, sources_of(batch, at), observed=seconds[at], high=high[at]) if len(at) else NOTHING
