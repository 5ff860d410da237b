"""What an order or a parcel holds, in 31 bits: the sum of each sku's hash times its pieces, modulo a prime.

Sums may be taken apart: that of an order is that of all its parcels. Two different contents of as many pieces share
it with a chance of 1 in 2^31. State on disk holds it: it may never change.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from features.wire.kernel import inlined

MODULUS: Final = 2**31 - 1
_LOW: Final = np.int64(MODULUS)


@inlined
def share(bits: int, quantity: int) -> int:
    """What one line adds; a thousand lines of a million pieces each still sum within 64 bits."""
    return (bits & _LOW) * quantity  # type: ignore[return-value]  # compiled, the two are one


@inlined
def reduced(total: int) -> int:
    """The digest of a sum of shares."""
    return total % _LOW  # type: ignore[return-value]  # same
