"""Replies to customers: templates, a model's words around them, and what every reply is checked for."""
