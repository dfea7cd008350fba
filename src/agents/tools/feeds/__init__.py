"""Tools over feeds."""
