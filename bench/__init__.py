"""Benchmarks against peers, each one command (`python -m bench.NAME`), each printing ratios of one and the same run."""

import os

# Contenders are compared on one thread; numpy reads these when it is first imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
