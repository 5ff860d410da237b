"""What a change of the settings would have done: history through the whole pipeline twice, old against new.

Read `comparison.py` first. `run.py` plays history once and keeps its alerts (`episode.py`), `matching.py` says which
alerts of two runs are the same, `labelled.py` holds them against what is known to have happened; `markdown.py` and
`html.py` tell it.
"""

from __future__ import annotations
