"""Passages that fit a question, by words and by vectors."""
