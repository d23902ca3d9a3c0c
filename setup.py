"""Maps the rooms at the top level onto one installed package, `threshc` (see docs/explanation/architecture.md)."""

from pathlib import Path

from setuptools import find_packages, setup

ROOMS = [room for room in ("cli", "compiler", "hdl", "sim", "tasks", "train") if Path(room).is_dir()]

FOUND = find_packages(include=[pattern for room in ROOMS for pattern in (room, f"{room}.*")])

setup(
    packages=["threshc", *(f"threshc.{package}" for package in FOUND)],
    package_data={"threshc.tasks.html": ["*.j2"]},
    package_dir={"threshc": "api", **{f"threshc.{room}": room for room in ROOMS}},
)
