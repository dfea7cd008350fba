"""The simulated provider: an OpenAI-compatible server for tests and load, which says in every reply that it is one.

Rule: nothing of the product depends on it; only the command line, tests and benchmarks import it. The protocol is
pure (a request in, an `exchange.Exchange` out); `app` and `serving` are the thin shell around it.
"""
