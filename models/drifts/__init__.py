"""One file a drift part: values whose mean should stay where it is."""
