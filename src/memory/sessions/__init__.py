"""Sessions: what a journal adds up to."""
