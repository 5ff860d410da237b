"""Multivariate detectors, one a file. Adding a file adds a detector; the settings turn it on."""

from __future__ import annotations
