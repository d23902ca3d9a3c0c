"""Folded layers: PE x SIMD threshold units with their weights in memory, joined by streams; many cycles per sample."""
