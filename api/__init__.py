"""threshc: trained binary-activation networks, from ONNX to exact thresholds, simulation and hardware.

    import threshc

    network = threshc.load("model.onnx")                    # exact integer thresholds
    result = threshc.simulate(network, x)                   # .labels .scores .bits
    threshc.compile("model.onnx", "out")                    # Verilog, testbench, report
    threshc.build("model.onnx", "out", target="icebreaker") # and a bitstream
    print(threshc.verify("model.onnx", x))                  # everything against everything
    print(threshc.prove("model.onnx"))                      # the circuit on all inputs

The rooms behind these names (docs/explanation/architecture.md) are attributes too: `threshc.train`, `threshc.sim`, ...
Names and rooms are imported when they are first used, so that `import threshc` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from threshc.compiler.diagnostics import CompileError
from threshc.version import __version__

if TYPE_CHECKING:
    from threshc import cli as cli
    from threshc import compiler as compiler
    from threshc import hdl as hdl
    from threshc import sim as sim
    from threshc import tasks as tasks
    from threshc import train as train
    from threshc.compiler.ir.network import Network
    from threshc.tasks.build import build
    from threshc.tasks.compile import compile
    from threshc.tasks.fit import fit
    from threshc.tasks.load import load
    from threshc.tasks.options import CircuitOptions, ModelOptions
    from threshc.tasks.prove import prove
    from threshc.tasks.simulate import simulate
    from threshc.tasks.verify import verify

__all__ = [
    "CircuitOptions",
    "CompileError",
    "ModelOptions",
    "Network",
    "__version__",
    "build",
    "compile",
    "fit",
    "load",
    "prove",
    "simulate",
    "verify",
]

_ROOMS = ("cli", "compiler", "hdl", "sim", "tasks", "train")

_HOMES = {
    "CircuitOptions": "threshc.tasks.options",
    "ModelOptions": "threshc.tasks.options",
    "Network": "threshc.compiler.ir.network",
    "build": "threshc.tasks.build",
    "compile": "threshc.tasks.compile",
    "fit": "threshc.tasks.fit",
    "load": "threshc.tasks.load",
    "prove": "threshc.tasks.prove",
    "simulate": "threshc.tasks.simulate",
    "verify": "threshc.tasks.verify",
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"threshc.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'threshc' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
