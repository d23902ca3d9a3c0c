"""Samples and labels from files: one reader for all commands, block by block or whole, the same rules for all."""
