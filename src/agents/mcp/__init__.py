"""Model Context Protocol: servers as sources of tools. Rule: all that knows the protocol's library is in here."""
