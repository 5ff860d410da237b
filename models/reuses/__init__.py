"""One file a rule on things that should have one holder."""
