"""Patterns that never reach a table, used to make it smaller, each use an obligation of the certificate."""
