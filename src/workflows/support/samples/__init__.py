"""A sample shop and sample tickets: made up, the same for the same seed."""
