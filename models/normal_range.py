"""The values of one number of an event that would be normal: searched by bisection, and put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from features.batch import Batch
    from models.knob import Knob

_STEPS: Final = tuple(4**k for k in range(1, 11))
"""How far from its value a number is looked at, in times."""
_E4_DIGITS: Final = 4


def normal_range(knob: Knob, is_normal: Callable[[Batch | None], bool]) -> tuple[int | None, int | None] | None:
    """The stretch of normal values that is nearest to the value; None: open on that side. None where there is none."""

    def good(value: int) -> bool:
        return value >= knob.least and knob.low <= value <= knob.high and is_normal(knob.change(value))

    found = next((value for value in _tried(knob) if good(value)), None)
    if found is None:
        return None
    near = _edge(found, knob.value, good)
    way = 1 if found > knob.value else -1
    bad = next((value for value in _beyond(near, way, knob.least) if not good(value)), None)
    far = None if bad is None else _edge(near, bad, good)
    return (near, far) if way > 0 else (far, near)


def _tried(knob: Knob) -> list[int]:
    """Values that may be normal, the nearest first."""
    ladder = [knob.value // step for step in _STEPS] + [knob.value * step for step in _STEPS] + [0, 1]
    values = {value for value in (*knob.hints, *ladder) if value != knob.value}
    return sorted(values, key=lambda value: abs(value - knob.value))


def _beyond(near: int, way: int, least: int) -> Iterator[int]:
    """Values ever further away, up (1) or down (-1), of which the first bad one ends the stretch."""
    for step in _STEPS:
        value = near + way * max(abs(near), 1) * step
        yield value if way > 0 else max(value, least)


def _edge(good_value: int, bad_value: int, good: Callable[[int], bool]) -> int:
    """The last good value on the way to a bad one."""
    while abs(bad_value - good_value) > 1:
        middle = (good_value + bad_value) // 2
        if good(middle):
            good_value = middle
        else:
            bad_value = middle
    return good_value


def in_words(knob: Knob, low: int | None, high: int | None) -> str:
    """A range of the number's values, as an alert says it: `<= 6`, `between 10.00 and 12.50`."""
    if low is not None and high is not None and low > knob.least:
        return f"= {_shown(knob, low)}" if low == high else f"between {_shown(knob, low)} and {_shown(knob, high)}"
    if high is not None:
        return f"<= {_shown(knob, high)}"
    return f">= {_shown(knob, low)}" if low is not None else "is another"


def _shown(knob: Knob, value: int) -> str:
    text = f"{value / 10**knob.digits:.{knob.digits}f}" if knob.digits else str(value)
    if knob.digits == _E4_DIGITS and text.endswith("00"):
        text = text[:-2]
    return text + knob.unit
