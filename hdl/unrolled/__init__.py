"""The unrolled circuit: every neuron a circuit of its own, one sample per cycle."""
