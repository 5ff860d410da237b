"""Drift of what workers log, as it comes: features and scores against what they used to be, told as alerts.

`watch.py` compares, `alerts.py` words and draws, `reader.py` reads the feature log and delivers.
"""

from __future__ import annotations
