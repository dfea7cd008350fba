"""Load on the real server, as its clients make it: how many it carries, what breaks first, what it costs.

Rule: a client like any other; nothing here reaches into the server, and no server imports it.
"""
