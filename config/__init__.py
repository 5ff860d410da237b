"""Every knob, with its unit: what may be set, where it comes from, and what is refused.

Files here import nothing else of the project. YAML holds the values (`default.yaml`, `policy.yaml`), the
modules hold what is allowed, and each error is a `ConfigRefused` of one line.
"""

from __future__ import annotations
