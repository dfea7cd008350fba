"""Runs across processes: which are under way, what a journal tells of one, and orders that reach it from anywhere."""
