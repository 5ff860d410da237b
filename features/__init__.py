"""Valid events -> columns: what is looked at.

In a notebook: `features.compute(orders)`, and `features.history("2026-01-01", "2026-01-08", path=...)`.
"""

from __future__ import annotations

from config.kernels import keep_by_source
from features.compute import compute  # these two import what works when they are called
from features.history import history

keep_by_source()  # before the first kernel is defined

__all__ = ["compute", "history"]
