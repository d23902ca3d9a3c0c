"""The engine for large batches: one sample per bit of 512-bit planes."""
