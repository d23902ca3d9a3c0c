"""IR operations as netlists."""
