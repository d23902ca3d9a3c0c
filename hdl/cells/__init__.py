"""Netlists that Yosys wrote, read as tables and flip-flops, and simulated bit for bit."""
