"""Runs that are killed and taken up again: the plans, the process that is killed, and the check of what it left."""
