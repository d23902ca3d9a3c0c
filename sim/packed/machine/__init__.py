"""Machine code: compiled, linked, kept in the user's cache, loaded, run by several threads."""
