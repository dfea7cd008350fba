"""Ledgers from files and databases. Rule: each row is used, repaired and counted, or set aside with its place."""
