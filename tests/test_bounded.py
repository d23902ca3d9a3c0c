"""What nobody here has made: bombs, pipes, devices and false headers, each under a bound of memory and time."""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from threshc.compiler.bounded import gunzip, open_regular, parse_json, read_file, read_json, read_npy
from threshc.compiler.diagnostics import CompileError

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from threshc.compiler.bounded import *
from threshc.compiler.diagnostics import CompileError
try:
    {}
except CompileError as error:
    print(error)
"""


def limited(call: str) -> str:
    """What a call says in a process of 2 GiB and half a minute."""
    command = [sys.executable, "-c", LIMITED.format(call)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def npy(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_only_regular_files_are_opened(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "thing")
    with pytest.raises(CompileError, match="the file is not a regular file"):
        open_regular(tmp_path / "thing")


def test_devices_are_not_read() -> None:
    with pytest.raises(CompileError, match="it is a pipe or a device, whose end cannot be known"):
        read_file("/dev/zero")


@pytest.mark.parametrize(("path", "said"), [("missing", "No such file"), ("nul\0", "null")])
def test_what_cannot_be_opened(path: str, said: str) -> None:
    with pytest.raises(CompileError, match=f"the model cannot be read(.|\n)*{said}"):
        read_file(path, what="model")


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(CompileError, match=r"it has 1,099,511,627,776 bytes; 2,147,483,648 bytes are the limit"):
        read_file(tmp_path / "huge")
    (tmp_path / "small").write_bytes(b"12345")
    assert read_file(tmp_path / "small", 5) == b"12345"


def test_gzip_is_unpacked_up_to_the_limit() -> None:
    packed = gzip.compress(b"ab" * 500) + gzip.compress(b"c")
    assert gunzip(packed, 1001, "x") == b"ab" * 500 + b"c"
    with pytest.raises(CompileError, match="bytes of gzip unpack to more; 1,000 bytes are the limit"):
        gunzip(packed, 1000, "x")
    for broken in (packed[:-3], packed[:20], b"\x1f\x8b" + bytes(20), packed + b"more"):
        with pytest.raises(CompileError, match="damaged or truncated"):
            gunzip(broken, 2000, "x")


@pytest.mark.slow
def test_a_certificate_of_12_megabytes_that_unpacks_to_12_gigabytes(tmp_path: Path) -> None:
    once = gzip.compress(bytes(64 << 20), 9)
    (tmp_path / "bomb").write_bytes(once * 190)
    assert "unpack to more; 268,435,456 bytes are the limit" in limited(f"read_json({str(tmp_path / 'bomb')!r})")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[1,2", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[NaN]", "NaN is not a number in JSON"),
        (b"[" + b"1" * 100_000 + b"]", "is not JSON"),
        (b"[" + b"[]," * 100 + b"1]", "it holds 201 values, more than 200"),
        (b" " * 20_000_000, "it has 20,000,000 bytes of JSON"),
    ],
    ids=["lists", "objects", "half", "bytes", "nan", "digits", "values", "blanks"],
)
def test_json_that_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(CompileError, match=re.escape(said)):
        parse_json(text, "x", limit=10_000_000, values=200 if b"[]" in text else 10_000_000)


def test_json_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text('{"a": [1, 2.5, "\\u00e9"]}')
    (tmp_path / "packed").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    assert read_json(tmp_path / "plain") == read_json(tmp_path / "packed") == {"a": [1, 2.5, "é"]}


@pytest.mark.parametrize("dtype", ["u1", "<f8", ">i2", "?", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_that_are_read(dtype: str, order: str) -> None:
    array = np.asarray(np.arange(24).reshape(2, 3, 4).astype(dtype), order=order)  # type: ignore[call-overload]
    data = npy(array)
    for size in (None, len(data)):
        found = read_npy(io.BytesIO(data), "x", size=size)
        assert found.flags.c_contiguous
        assert found.dtype.isnative
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (header("(8000000000, 1)"), r"needs 64,000,000,000 bytes, (872|0) bytes follow|takes 64,000,000,000 bytes"),
        (header("(-1, 4)"), "its header states shape"),
        (header("(2, 2)", "'|O'"), "dtype object, numbers are needed"),
        (header("(2, 2)", "[('a', '<f8')]"), "numbers are needed"),
        (header("[" * 3000 + "]" * 3000), "not a .npy array"),
        (header("(10**9,)"), "not a .npy array"),
        (npy(np.zeros((2, 3)))[:-1], "needs 48 bytes, 47 bytes follow"),
        (npy(np.zeros((2, 3))) + b"1", "needs 48 bytes, (49|more) bytes follow"),
        (b"\x93NUMPY", "not a .npy array"),
        (b"", "not a .npy array"),
    ],
)
def test_arrays_that_are_refused(data: bytes, said: str) -> None:
    for size in (None, len(data)):
        with pytest.raises(CompileError, match=said):
            read_npy(io.BytesIO(data), "x", size=size)


def test_a_kilobyte_that_states_64_gigabytes(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(header("(8000000000,)") + bytes(872))
    path = str(tmp_path / "x.npy")
    for size in ("None", "1000"):
        assert "64,000,000,000 bytes" in limited(f"read_npy(open_regular({path!r}), 'x', size={size})")
