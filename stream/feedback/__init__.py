"""What analysts say of alerts: events on a topic of their own, labels for training, and what follows online.

`event.py` is what is said, `effect.py` what of it changes what is told, `labels.py` how it joins the feature log.
"""

from __future__ import annotations
