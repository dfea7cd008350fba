"""Language models and what they cost."""
