"""Columns -> scores -> verdicts: fixed rules, outliers, volumes and detectors, and the judge who hears them."""

from __future__ import annotations

from config.kernels import keep_by_source

keep_by_source()  # before the first kernel is defined
