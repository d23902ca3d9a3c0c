"""The same cases steered by coverage, with atheris (pip install atheris; Linux, CPython that it has a wheel for).

    python -m fuzz.coverage [-max_total_time=600] [-runs=N] [libFuzzer options] [CORPUS]

The fuzzer's bytes are the dice of the mutations: its first byte chooses raw bytes or a model, the rest what is done.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path


class FromBytes(random.Random):
    """A generator whose dice are given bytes, and zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data, self._at = data, 0

    def getrandbits(self, k: int, /) -> int:
        """k bits from the next bytes."""
        n = (k + 7) // 8
        taken = self._data[self._at : self._at + n]
        self._at += n
        return int.from_bytes(taken.ljust(n, b"\0"), "little") & ((1 << k) - 1)

    def random(self) -> float:
        """A number in 0..1 from the next bytes."""
        return self.getrandbits(53) / (1 << 53)


def main() -> int:
    """The command."""
    try:
        import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        print("atheris is not installed, or has no wheel for this Python: pip install atheris")
        return 2
    with atheris.instrument_imports(include=["threshc.compiler.frontend"]):
        import threshc.compiler.frontend.load  # noqa: F401
    from fuzz.check import check
    from fuzz.mutate import mutated
    from fuzz.seeds import seeds

    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    models = seeds()

    def one(data: bytes) -> None:
        if data[:1] < b"\x20":
            check(data[1:], None, folder, by_path=False)
            return
        dice = FromBytes(data[1:])
        _, model, encoding = dice.choice(models)
        check(mutated(dice, model).SerializeToString(), encoding, folder)

    atheris.Setup([sys.argv[0], "-rss_limit_mb=4096", "-timeout=60", *sys.argv[1:]], one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
