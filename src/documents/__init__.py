"""Files people keep: read, cut into passages, kept in an index, found again with the place they stand at."""
