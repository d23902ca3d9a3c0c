"""What all tests share: where the models and data that are not in the repository lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` with real models and data: $THRESHC_SHARED, else beside the repository. Skips without it."""
    folder = Path(os.environ.get("THRESHC_SHARED", ROOT.parent / "shared"))
    if not (folder / "models").is_dir():
        pytest.skip(f"needs ../shared/models (or THRESHC_SHARED); {folder} is not there")
    return folder


@pytest.fixture(scope="session")
def digits() -> Path:
    """The folder of the digits example."""
    return ROOT / "examples" / "digits"
