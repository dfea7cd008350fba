"""Tools over prices."""
