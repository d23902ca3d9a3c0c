"""Maps the rooms at the top level onto one installed package, `threshc` (see docs/architecture.md)."""

from pathlib import Path

from setuptools import find_packages, setup

ROOMS = [room for room in ("cli", "compiler", "hdl", "sim", "train") if Path(room).is_dir()]

setup(
    packages=["threshc"]
    + [f"threshc.{package}" for package in find_packages(include=[glob for room in ROOMS for glob in (room, f"{room}.*")])],
    package_dir={"threshc": "api", **{f"threshc.{room}": room for room in ROOMS}},
)
