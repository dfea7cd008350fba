"""The operations dashboard: what a server does now, what its runs did, what loads measured. Rule: it only reads."""
