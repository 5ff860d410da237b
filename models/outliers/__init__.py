"""One file an outlier: a feature whose deviations are worth an alert."""
