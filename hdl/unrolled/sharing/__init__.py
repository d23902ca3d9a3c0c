"""Look-up tables under the neurons: truth tables, a hash-consed netlist of them, and heaps compressed with them."""
