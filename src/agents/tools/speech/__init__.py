"""Tools over speech."""
