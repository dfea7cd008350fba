"""How much is paid back, worked out by a formula in the code sandbox. Rule: integers only, and never by a model."""
