"""How the scanner is compiled.

No kernel makes an array, so none counts references to those it is given (`_nrt=False`): counted at each call,
atomically, they cost four times what reading the messages does. What is called for every field is inlined, because
handing over its arguments would take longer than its work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a kernel, and keep it on disk."""
    return numba.njit(cache=True, _nrt=False, no_cfunc_wrapper=True)(function)  # type: ignore[call-overload,no-any-return]  # numba's types leave these options out


def inlined(function: F) -> F:
    """Compile a kernel into each that calls it."""
    return numba.njit(cache=True, _nrt=False, no_cfunc_wrapper=True, forceinline=True)(function)  # type: ignore[call-overload,no-any-return]  # same
