"""Texts become vectors: by an endpoint, by words alone, or by a local model."""
