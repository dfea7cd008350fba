"""Agents at work: a bounded loop over a model and tools. Rule: every call of a tool goes through the run."""
