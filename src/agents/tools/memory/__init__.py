"""Tools over what is known about the user."""
