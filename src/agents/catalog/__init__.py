"""What tools there are, known without importing or starting any of them. Rule: a cache, never the truth.

Each source of tools (a built-in group, a module, a server) has a shelf place of its own under a hash of all that its
tools are made from; what changed is made anew, and nothing else.
"""

from .shelf import Shelf

__all__ = ["Shelf"]
