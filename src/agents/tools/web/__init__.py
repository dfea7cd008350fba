"""Tools over web pages."""
