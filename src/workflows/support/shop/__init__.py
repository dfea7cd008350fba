"""Customers and orders: a sample shop, and reading one's own database."""
