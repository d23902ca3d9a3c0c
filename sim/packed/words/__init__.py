"""The engine for small batches: one sample per row of 64-bit words."""
