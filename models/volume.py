"""How many orders are usual, and which counts are not.

Two baselines close the same event-time panes and give the same `Findings`:

* `SeasonalVolume`, for few keys (all orders, channels, payment methods, regions): hour-of-week profile, zero
  fill; surges, drops, silence.
* `SparseVolume`, for very many keys (products, promotions, promotion pairs, customers, sellers): touched only
  when a key has orders; surges.

Both keep two laws. What comes of them does not depend on where the stream of closed panes was cut into calls,
to the last bit; nor on the order of the entries within a call.
"""

from __future__ import annotations

from models.volume_findings import DROP, SURGE, ZERO, Findings
from models.volume_seasonal import SeasonalVolume
from models.volume_sparse import SparseVolume

__all__ = ["DROP", "SURGE", "ZERO", "Findings", "SeasonalVolume", "SparseVolume"]
