"""What lies in a folder is part of it: modules are found by looking, and no list names them."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any


def modules(package: str) -> list[ModuleType]:
    """Imports every module of a package (`threshc.hdl.targets`) and returns them in alphabetical order."""
    home = import_module(package)
    return [import_module(f"{package}.{info.name}") for info in iter_modules(home.__path__)]


def entries(package: str, name: str) -> list[Any]:
    """Returns what the modules of a package call `name` (`TARGET`), one each, of those that have it."""
    return [vars(module)[name] for module in modules(package) if name in vars(module)]
