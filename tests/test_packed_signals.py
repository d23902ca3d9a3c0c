"""The packed simulator after real signals, and after real shortage of memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_SIGNALS = """
import signal, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import networks
from threshc.sim import packed, reference
from test_packed_exceptions import ENGINES
from threshc.sim.inputs import encode

rng = np.random.default_rng(int(sys.argv[2]))
cases = []
for sizes, samples in (((9, 5, 3), 3), ((30, 40, 4), 2000), ((8, 9, 3), 4097)):
    network = networks.random_dense(rng, sizes, "ternary", "uint8")
    x = networks.random_samples(rng, network, samples)
    want = reference.run(network, x)
    cases.append((network, encode(network, x), (*want.values, *want.bits)))
engines = list(ENGINES.values())
hits = 0

def run(engine, case):
    for a, b in zip(engine(*case[:2]), case[2], strict=True):
        assert np.array_equal(a, b)

for k in range(9):
    run(engines[k % 3], cases[k // 3])
signal.signal(signal.SIGALRM, signal.default_int_handler)  # KeyboardInterrupt, as SIGINT does
for k in range(int(sys.argv[3])):
    engine, case = engines[rng.integers(3)], cases[rng.integers(3)]
    try:
        signal.setitimer(signal.ITIMER_REAL, float(rng.uniform(1e-6, 4e-4)))
        engine(*case[:2])
        engine(*case[:2])
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        hits += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    run(engines[k % 3], cases[k // 3 % 3])
for k in range(1000):
    run(engines[k % 3], cases[k // 3 % 3])
print("right after", hits)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals with a timer")
def test_real_signals() -> None:
    done = fresh(_SIGNALS, "3", "1500")
    assert (done.stderr, done.returncode) == ("", 0)
    assert int(done.stdout.split()[-1]) > 200


_LONG = """
import os, signal, sys, threading
import numpy as np
from threshc.compiler.encoding import parse_encoding
from threshc.compiler.ir.network import Network
from threshc.compiler.ir.ops import *
from threshc.sim import packed
from threshc.sim.packed.planes import driver
from threshc.sim.packed.planes import plan

rng, scale = np.random.default_rng(1), (np.ones(()), np.zeros(()))
ops = [Input("x", (34, 34, 1), parse_encoding("bit")), Bitplanes(0)]
for channels in (9, 9 * 64):
    weights = rng.choice(np.array([-1, 1], np.int8), (64, channels))
    ops += [Window(len(ops) - 1, (3, 3)), Sum(len(ops), weights, np.zeros(64, np.int64))]
    ops += [Compare(len(ops) - 1, np.arange(64), np.zeros(64, np.int64))]
network = Network("map", (*ops, Gather((len(ops) - 1,), np.arange(64))), (Output("y", len(ops), "bits", *scale),))
x = rng.integers(0, 2, (30_000, 34 * 34)).astype(np.uint8)
want = packed.run(network, x[:5000], bits=False, threads=2).values[0]
done, share = [], driver._do_jobs
driver._do_jobs = lambda *given: (share(*given), done.append(1))
try:
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    packed.evaluate(network, x, False, 2)
    print("not interrupted")
except KeyboardInterrupt:
    print("interrupted" if 0 < len(done) < -(-len(x) // driver._stretch(plan.plan(network), 2)) else "at the end")
assert np.array_equal(packed.run(network, x[:5000], bits=False, threads=2).values[0], want)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_in_a_long_batch_of_two_threads() -> None:
    """In a program that uses the library: Python sees signals only between calls of native code."""
    done = fresh(_LONG)
    assert (done.stdout, done.stderr, done.returncode) == ("interrupted\n", "", 0)


_NO_MEMORY = """
import os, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
import networks
from threshc.sim import reference
from test_packed_exceptions import ENGINES, right
from threshc.sim.inputs import encode

rng, cases = np.random.default_rng(1), []
for sizes, samples in (((9, 5, 3), 3), ((64, 700, 700, 4), 4097), ((300, 40, 3), 40000)):
    network = networks.random_dense(rng, sizes, "ternary", "bit")
    x = networks.random_samples(rng, network, samples)
    want = reference.run(network, x)
    cases.append((network, encode(network, x), (*want.values, *want.bits)))
for engine in ENGINES.values():
    for case in cases:
        assert right(engine, case)
if "numba" in sys.modules and sys.argv[-1] != "again":  # it leaves much free memory behind; the code is there now
    os.execv(sys.executable, [*sys.orig_argv, "again"])
hits, (soft, hard) = 0, resource.getrlimit(resource.RLIMIT_AS)
for k in range(int(sys.argv[2])):
    engine = list(ENGINES.values())[k % 3]
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (k % 40) * 300_000, hard))
    try:
        engine(*cases[1 + k // 3 % 2][:2])
    except MemoryError:
        hits += 1
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert right(engine, cases[0])
    assert k % 5 or right(engine, cases[1 + k // 5 % 2])
for k in range(1000):
    assert right(list(ENGINES.values())[k % 3], cases[0])
print("right after", hits)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux' limits of memory")
def test_real_shortage_of_memory() -> None:
    done = fresh(_NO_MEMORY, "120", MALLOC_MMAP_THRESHOLD_="65536", MALLOC_TRIM_THRESHOLD_="65536")
    assert (done.stderr, done.returncode) == ("", 0)
    assert int(done.stdout.split()[-1]) > 20


_COMPILING = """
import signal, sys, time
sys.path.insert(0, sys.argv[1])
import numpy as np
import networks
from threshc.sim import packed, reference

rng = np.random.default_rng(0)
network = networks.random_dense(rng, (10, 6, 3), "ternary", "uint8")
x = networks.random_samples(rng, network, 5)
want = reference.run(network, x).labels
if sys.argv[2] == "once":
    print("go", flush=True)
    packed.run(network, x)
signal.signal(signal.SIGALRM, signal.default_int_handler)
for k in range(1000):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05 * 1.5**k)
        got = packed.run(network, x).labels
        signal.setitimer(signal.ITIMER_REAL, 0)
        break
    except KeyboardInterrupt:
        pass
for _ in range(1000):
    assert np.array_equal(packed.run(network, x).labels, want)
print("right after", k)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals with a timer")
def test_signals_while_the_engine_is_compiled(tmp_path: Path) -> None:
    """Numba's import and compiling go on; what follows is right, in the same process."""
    done = fresh(_COMPILING, "often", THRESHC_CACHE=str(tmp_path))
    assert (done.stderr, done.returncode) == ("", 0)
    assert int(done.stdout.split()[-1]) > 2


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT")
def test_ctrl_c_while_the_engine_is_compiled(tmp_path: Path) -> None:
    """The process ends by it, although the machine code is not finished, and does not crash on the way."""
    command = [sys.executable, "-c", _COMPILING, str(Path(__file__).parent), "once"]
    environment = {**os.environ, "THRESHC_CACHE": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "go\n"
        time.sleep(1.0)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=300)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert run.returncode == -signal.SIGINT


def fresh(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(Path(__file__).parent), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
