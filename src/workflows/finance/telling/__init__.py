"""Narratives and advice. Rule: no number reaches a person that was not computed here."""
