"""Tools over numbers."""
