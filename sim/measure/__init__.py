"""Memory and operations of a network, measured while it runs."""
