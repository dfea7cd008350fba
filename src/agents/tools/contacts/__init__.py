"""Tools over contacts."""
