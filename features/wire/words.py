"""Texts of a short list, in whatever case: where in the list the one that stands in a message is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.wire.fields import words_of
from features.wire.kernel import compiled
from features.wire.memory import Bytes, Ints, bits, cell, word

NONE: Final = -1
_LOWER: Final = np.uint64(0x2020202020202020)


def listed(words: Sequence[str]) -> tuple[NDArray[np.uint64], Ints]:
    """Words in lower case, of at most sixteen bytes each, as `place_in` reads them: the words, their lengths."""
    texts = [text.encode() for text in words]
    return np.array([words_of(text) for text in texts], np.uint64).ravel(), np.array(list(map(len, texts)), np.int64)


@compiled
def place_in(data: Bytes, start: int, length: int, words: NDArray[np.uint64], lengths: Ints) -> int:
    """Where in the list the text at `start` is, or NONE."""
    for k in range(len(lengths)):
        if length == cell(lengths, k):
            differ = ((word(data, start) | _LOWER) ^ bits(words, 4 * k)) & bits(words, 4 * k + 2)
            differ |= ((word(data, start + 8) | _LOWER) ^ bits(words, 4 * k + 1)) & bits(words, 4 * k + 3)
            if differ == 0:
                return k
    return NONE
