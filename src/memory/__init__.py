"""What outlives a step: the journal, artifacts, history."""
