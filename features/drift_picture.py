"""The values of some columns before and after, as histograms: what a drift looks like."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from features.drift import ColumnDrift, column_drift, values_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from features.drift import F64

_BARS: Final = 40
_ACROSS: Final = 3
_OUTSIDE: Final = 0.5
"""Per cent of the rows at either end that are not drawn, lest one absurd value make all others one bar."""
_INCHES: Final = (4.0, 2.6)
_COLOURS: Final = ("#c2410c", "#1d4ed8")


class Picture:
    """A figure that shows itself in a notebook, whether or not the notebook has drawn anything before.

    `figure` is matplotlib's, to be changed or saved.
    """

    def __init__(self, figure: Figure) -> None:
        """Keep the figure; it is drawn when it is shown."""
        self.figure = figure

    def _repr_png_(self) -> bytes:
        """What a notebook asks for."""
        drawn = BytesIO()
        self.figure.savefig(drawn, format="png")
        return drawn.getvalue()


def draw_drift(before: Any, after: Any, columns: Sequence[str]) -> Picture:
    """Draw the columns of two tables, before and after in one picture each, with their drift above it.

    Needs matplotlib, which the group `notebooks` brings. A bar is the share of
    the rows that have a value. Drawn is where 99 % of the rows of both tables lie.

    Raises KeyError for a column that a table does not have.
    """
    import pyarrow as pa
    from matplotlib.figure import Figure

    one, other = pa.table(before), pa.table(after)
    across = min(_ACROSS, len(columns))
    down = -(-len(columns) // across)
    figure = Figure(figsize=(_INCHES[0] * across, _INCHES[1] * down), layout="constrained")
    places = figure.subplots(down, across, squeeze=False).ravel()
    for place, name in zip(places, columns, strict=False):
        draw_column(place, name, values_of(one, name), values_of(other, name))
    for place in places[len(columns) :]:
        place.set_axis_off()
    figure.legend(*places[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return Picture(figure)


def draw_column(axes: Axes, name: str, before: F64, after: F64) -> None:
    """Draw one column into given axes."""
    drift = column_drift(name, before, after)
    known = np.concatenate([before, after])
    known = known[np.isfinite(known)]
    low, high = np.percentile(known, [_OUTSIDE, 100.0 - _OUTSIDE]) if len(known) else (0.0, 1.0)
    bars = np.linspace(low, high if high > low else low + 1.0, _BARS + 1)
    for label, values, colour in (("before", before, _COLOURS[0]), ("after", after, _COLOURS[1])):
        found = values[np.isfinite(values)]
        share = np.full(len(found), 1.0 / max(len(found), 1))
        axes.hist(np.clip(found, bars[0], bars[-1]), bars.tolist(), weights=share, color=colour, alpha=0.5, label=label)
    axes.set_title(name, fontsize="medium", loc="left", fontweight="bold")
    axes.set_xlabel(told(drift), fontsize="small")
    axes.set_yticks([])
    axes.spines[["left", "right", "top"]].set_visible(False)


def told(drift: ColumnDrift) -> str:
    """A column's drift in a line.

    >>> told(column_drift("margin", np.array([0.1, 0.2]), np.array([0.1, np.nan])))
    'PSI 0.27, KS 0.50, missing 0.0 % then 50.0 %'
    """
    missing = f"{100 * drift.missing_before:.1f} % then {100 * drift.missing_after:.1f} %"
    return f"PSI {drift.psi:.2f}, KS {drift.ks:.2f}, missing {missing}"
