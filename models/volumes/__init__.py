"""One file a series: something that is counted minute by minute."""
