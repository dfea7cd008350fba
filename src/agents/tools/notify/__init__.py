"""Tools over notifications."""
