"""Analysts' verdicts as labels of the orders in the feature log, each with the time at which it was known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.model_registry.comparison import Labelled
from stream.scored_rows import RAW, SCORE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stream.feedback.event import Feedback

LABEL: Final = "label"
LABEL_FROM: Final = "label_from"
LABEL_TIME: Final = "label_time"
SAID, SILENT, NONE = "feedback", "maturity", ""


def labelled(rows: Any, feedback: Iterable[Feedback], *, as_of_ms: int, maturity_seconds: float) -> Any:
    """Rows of the feature log with what was known of them at a time.

    Adds `label` (1 abnormal, 0 ordinary, NaN not known yet), `label_from` (feedback; maturity, where nobody has said
    anything for so long that it counts as ordinary) and `label_time` (since when it is known). Of several verdicts on
    an order the last one counts. A model that is trained as of a time may use no label that was known later.

    Parameters
    ----------
    rows
        A table of `features.history`, with order_id and time.
    feedback
        What was said; what came after `as_of_ms` (since 1970 UTC) is not looked at.
    maturity_seconds
        Time after which silence is a label.
    """
    import pyarrow as pa

    placed_ms = rows["time"].cast(pa.int64()).to_numpy()
    said = _said(feedback, as_of_ms)
    labels, source, known_ms = (
        np.full(len(placed_ms), np.nan),
        [NONE] * len(placed_ms),
        np.zeros(len(placed_ms), np.int64),
    )
    silent_ms = placed_ms + int(maturity_seconds * 1000)
    for at, order in enumerate(rows["order_id"].to_pylist()):
        if order in said:
            labels[at], known_ms[at], source[at] = *said[order], SAID
        elif silent_ms[at] <= as_of_ms:
            labels[at], known_ms[at], source[at] = 0.0, silent_ms[at], SILENT
    times = pa.array(known_ms, pa.int64(), mask=known_ms == 0).cast(pa.timestamp("ms", "UTC"))
    return (
        rows.append_column(LABEL, pa.array(labels))
        .append_column(LABEL_FROM, pa.array(source))
        .append_column(LABEL_TIME, times)
    )


def beside(rows: Any, detector: str, champion: str, challenger: str) -> tuple[Labelled, Labelled, int] | None:
    """What the verdicts say of a champion and a challenger that scored the same orders, and how many have one.

    `rows` : of `labelled`. Only orders of which an analyst has spoken count: silence knows nothing of either.
    """
    names = [f"{SCORE}{detector}", f"{SCORE}{challenger}"]
    if f"{RAW}{challenger}" not in rows.schema.names:
        return None
    both = _scored_by(rows, detector, champion) & ~np.isnan(_numbers(rows, f"{RAW}{challenger}"))
    both &= np.array([source == SAID for source in rows[LABEL_FROM].to_pylist()], np.bool_)
    true = both & (_numbers(rows, LABEL) == 1.0)
    found = [both & ~np.isnan(_numbers(rows, name)) for name in names]
    champions, challengers = (Labelled(int((told & true).sum()), int(told.sum()), int(true.sum())) for told in found)
    return champions, challengers, int(both.sum())


def _said(feedback: Iterable[Feedback], as_of_ms: int) -> dict[str, tuple[float, int]]:
    """Order -> its label, and since when."""
    told: Sequence[Feedback] = sorted((one for one in feedback if one.at_ms <= as_of_ms), key=lambda one: one.at_ms)
    return {order: (one.label, one.at_ms) for one in told if one.label is not None for order in one.order_ids}


def _scored_by(rows: Any, detector: str, model: str) -> NDArray[np.bool_]:
    versions = rows["versions"].to_pylist()
    by = {text: json.loads(text).get(detector) == model for text in set(versions)}
    return np.array([by[text] for text in versions], np.bool_)


def _numbers(rows: Any, name: str) -> NDArray[np.float64]:
    import pyarrow as pa

    if name not in rows.schema.names:
        return np.full(rows.num_rows, np.nan)
    return np.asarray(rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
