"""Durable state: what was learned survives the worker that learned it, in a compacted topic.

A *unit* is a part of the state that is kept in one piece: one for each order partition, and one, "merge", for what
is merged across them. A checkpoint is a *cut*: all units as they were at the same moment between two batches.

* Arrays are cut into slabs. Those that changed since the last checkpoint are written as *objects*, each under a key
  that is used once and never again. Nothing that an older checkpoint stands on is overwritten.
* When every object is acknowledged, one *marker* a unit names them all, with the offset of each order partition
  that the state covers. Only when the markers are acknowledged is the input committed.
* Objects that neither of the last two markers names are deleted (tombstones).

So a worker may die between any two writes: what it had not finished is named by no marker. A checkpoint is read
back only if each of its objects is there and has the hash that its marker tells. Whoever takes over begins a new,
larger *epoch* and writes everything anew under it: a former owner that wakes up later (a zombie) writes and deletes
in its own epoch only, and whichever of the two is read is the whole and true state at the offsets that it names.
"""

from __future__ import annotations
