"""Tools over dates."""
