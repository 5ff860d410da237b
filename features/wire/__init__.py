"""Order events from their JSON bytes straight into tables of integers: one compiled pass, no Python object a field.

`features.event` stays the authority on what an event is. The scanner reads only messages in a plain form it is
certain about; every other one is left to `features.event`, and read here again once it is written anew in
that plain form (`features.wire.canonical`).
"""

from __future__ import annotations
