"""What all tests share: where models and data lie that are not in the repository, `slow`, and `--verify-passes`."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job in the background: children would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

FAST = "not slow"
_SLOW = re.compile(r"^pytestmark = (\[\s*)?pytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m "not slow"`, a module that is slow as a whole is not even imported."""
    if config.getoption("-m") != FAST or collection_path.suffix != ".py":
        return None
    return True if _SLOW.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--verify-passes`."""
    text = "check every rewrite of every pass against the reference simulator, and verify every circuit, in all tests"
    parser.addoption("--verify-passes", action="store_true", help=text)


@pytest.fixture(autouse=True, scope="session")
def _verify_passes(request: pytest.FixtureRequest) -> Iterator[None]:
    """With `--verify-passes`, `optimize` is what it is with `verify`, no network comes from the user's cache, and every
    netlist and circuit is verified when it is made."""
    if not request.config.getoption("--verify-passes"):
        yield
        return
    from circuits_checked import checked_circuits
    from passes_checked import checked_passes

    with checked_passes() as count, checked_circuits():
        yield
    where = os.environ.get("PYTEST_XDIST_WORKER", "this process")
    assert count.total, f"no pass changed anything in {where}: nothing was checked"


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
