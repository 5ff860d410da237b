"""Columns -> scores -> verdicts: fixed rules, outliers, volumes and detectors, and the judge who hears them."""
