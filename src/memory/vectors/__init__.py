"""Vectors by id: exact while few, quick when many, safe on disk."""
