"""Tools over the index of documents."""
