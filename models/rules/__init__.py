"""Fixed rules: one file a rule, found by its file name. Modules with an underscore are what several share."""

from __future__ import annotations
