"""Valid events -> columns: what is looked at."""
