"""One file a feature: a column of what an expert of orders would look at."""
