"""The files of a circuit's contract, as they stand in an output folder."""

from __future__ import annotations

from threshc.hdl.contract.c_header import c_header
from threshc.hdl.contract.contract import contract
from threshc.hdl.contract.python_module import python_module
from threshc.hdl.contract.sv_package import sv_package
from threshc.hdl.interface import Interface


def contract_files(interface: Interface) -> dict[str, str]:
    """Returns NAME.h, NAME_pkg.sv and NAME_io.py of a circuit, by name."""
    made, name = contract(interface), interface.name
    return {f"{name}.h": c_header(made), f"{name}_pkg.sv": sv_package(made), f"{name}_io.py": python_module(made)}
