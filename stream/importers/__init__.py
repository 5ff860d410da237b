"""Public data sets as order events: one file a data set, each with `events(path)` in order of event time.

None of the data comes with this project; the files are named where they are read.
"""

from __future__ import annotations
