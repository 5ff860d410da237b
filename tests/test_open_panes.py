"""Open panes count what a dictionary counts, whoever comes first, and forget nothing when they are stopped."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.text import Composed, Text
from models.open_panes import TOO_LATE, OpenPanes

SERIES = 3
occurrences = st.lists(
    st.tuples(st.integers(0, SERIES - 1), st.text('abcé"', max_size=3), st.integers(TOO_LATE, 6)), max_size=60
)


def add(panes, some):
    for series in range(SERIES):
        mine = [(key, pane) for number, key, pane in some if number == series]
        keys = Text.of([key for key, _ in mine])
        if series == 1:  # named on demand
            text = keys
            keys = Composed(text.hash, lambda i, text=text: text[i])
        panes.add(series, keys, np.arange(len(mine)), np.array([pane for _, pane in mine], np.int64))


def counted(panes, upto):
    found = Counter()
    for series, one in enumerate(panes.close(upto)):
        if one is not None:
            places = list(zip(one.panes.tolist(), one.keys.hash.tolist(), strict=True))
            assert places == sorted(places)
            for key, pane, count in zip(one.keys, one.panes.tolist(), one.counts.tolist(), strict=True):
                found[series, key, pane] += count
    return found


@given(some=occurrences, cut=st.integers(0, 60), upto=st.integers(0, 6), seed=st.integers(0, 9))
def test_what_is_counted_is_what_came_in_time(some, cut, upto, seed):
    panes = OpenPanes(SERIES)
    add(panes, some[:cut])
    stopped = panes.get_state()
    panes = OpenPanes(SERIES)
    panes.set_state(stopped)
    shuffled = [some[cut:][i] for i in np.random.default_rng(seed).permutation(len(some[cut:]))]
    add(panes, shuffled)
    expected = Counter(one for one in some if one[2] > TOO_LATE)
    first, rest = counted(panes, upto), counted(panes, 100)
    assert first == Counter({one: n for one, n in expected.items() if one[2] <= upto})
    assert rest == Counter({one: n for one, n in expected.items() if one[2] > upto})


@given(some=occurrences)
def test_a_closed_pane_takes_no_more_but_a_series_that_has_not_begun_takes_all(some):
    panes = OpenPanes(SERIES)
    add(panes, [(0, "a", 3)])
    counted(panes, 3)
    add(panes, some)
    assert counted(panes, 100) == Counter(one for one in some if one[2] > (3 if one[0] == 0 else TOO_LATE))


def test_room_grows_for_many_keys_and_for_long_names():
    panes, names = OpenPanes(1), [f"{i:05}" * 20 for i in range(5_000)]
    panes.add(0, Text.of(names), np.arange(len(names)), np.zeros(len(names), np.int64))
    panes.add(0, Text.of(names[:10]), np.arange(10), np.zeros(10, np.int64))
    (found,) = panes.close(0)
    assert sorted(found.keys) == names
    assert int(found.counts.sum()) == 5_010
