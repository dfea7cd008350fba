"""Tools over mail."""
