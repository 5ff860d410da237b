"""How well orderwatch watches, measured beside what else one could run on the same orders.

`simulated.py` and `real.py` make trials (a log and what is wrong in it), `watchers/` reads them, `tally.py` counts
what was caught and what was false, `report.py` puts the figures together, `html_report.py` draws them.
"""

from __future__ import annotations
