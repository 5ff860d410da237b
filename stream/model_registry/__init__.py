"""Where trained models are kept: who made them of what, which one serves, and how to go back.

Read `registry.py` first. A registry is a folder or an object store, with nothing else in between:

    <name>/files/<sha256>          what a version is made of; each file is named by its contents
    <name>/versions/<version>.json its manifest, written once its files are there
    <name>/stages/<number>.json    one change of stage each; the last one holds

Nothing is ever overwritten or removed. Every file is created whole or not at all, and only where there is none of
its name: so a crash leaves what was there before, and of two who promote at once exactly one is first.
"""

from __future__ import annotations
