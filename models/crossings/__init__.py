"""One file a rule that needs orders of all partitions side by side."""
