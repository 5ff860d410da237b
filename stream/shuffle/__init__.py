"""Several workers on one log: what leaves a partition goes through an internal topic to where the partitions meet.

Stage one runs wherever a partition of the orders is; each batch leaves it as a *slice*, and slices go to the topic
`<group>-slices`, which has one partition. Stage two runs where partition 0 of the orders is: it reads slices in the
order of the topic, and what it tells is a function of that order alone.

Exactly once. Whoever takes a partition over writes a *takeover* with a new, larger epoch, and reads the topic up to
it. Slices of an older epoch that come later (of a former owner that wakes up) count for nobody; so what was sent
before the takeover is known for certain. The new owner goes back to the last checkpoint, judges again in silence what
was sent already, cuts there (where a batch is cut changes no bit), and goes on. `Ledger` is that rule, and it is the
same object on both sides.

What is not waited for. A partition that is read to its end says so, and is waited for no longer by what came before
that word: the topic's order decides, no clock. A partition whose owner died says nothing, so it is waited for.
"""

from __future__ import annotations
