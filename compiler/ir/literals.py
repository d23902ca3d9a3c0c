"""Arrays in the text form: inline when small, else `@name dtype[shape]` with the numbers in a side table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from threshc.compiler.ir.lexer import Cursor

Arrays = dict[str, NDArray[np.generic]]
"""The side table: what `@name` stands for."""

INLINE = 64
"""Arrays of more numbers than this go to the side table."""

SIGNED = ("int64", "int8", "int16", "int32")
_LONGEST = 1 << 22  # numbers of one inline array that the parser takes


def format_array(array: NDArray[np.generic], dtype: str, name: str, arrays: Arrays | None) -> str:
    """Returns `int8[[1, -1]]` or `@name int8[64, 784]`; an inline array does not name its dtype when it is the field's
    own, `dtype`. Puts the array into `arrays` when it does not stand inline."""
    prefix = "" if str(array.dtype) == dtype else str(array.dtype)
    if array.size <= INLINE or _is_range(array):
        return prefix + _nested(array)
    if arrays is not None:
        arrays[name] = array
    return f"@{name} {array.dtype}{list(array.shape)}"


def _nested(array: NDArray[np.generic]) -> str:
    if array.ndim == 0:
        return number(array[()])
    if _is_range(array):
        return f"[{array[0]}..{array[-1]}]"
    return "[" + ", ".join(map(_nested, array)) + "]"


def _is_range(array: NDArray[np.generic]) -> bool:
    return (
        array.ndim == 1
        and array.size >= 4
        and array.dtype.kind == "i"
        and np.array_equal(array, array[0] + np.arange(array.size))
    )


def number(x: Any) -> str:
    """Returns the shortest text that reads back as the same number of the same width."""
    return str(x) if isinstance(x, np.generic) else repr(x)


def parse_array(
    cursor: Cursor, dtypes: tuple[str, ...], ndim: tuple[int, ...], arrays: Mapping[str, NDArray[np.generic]]
) -> NDArray[np.generic]:
    """Returns the array at the cursor; dtypes[0] is meant where an inline array names none.

    Raises CompileError for other dtypes and dimensions, ragged rows, unknown names, and table entries of another
    shape or dtype than the text says.
    """
    start = cursor.token
    if start.kind == "array":
        array = _from_table(cursor, dtypes, arrays)
    else:
        dtype = dtypes[0] if start.kind != "word" or start.text in ("inf", "nan") else _dtype(cursor, dtypes)
        array = _inline(cursor, dtype)
    if array.ndim not in ndim:
        raise cursor.error(f"expected an array of {' or '.join(map(str, ndim))} dimensions, found {array.ndim}", start)
    return array


def _dtype(cursor: Cursor, dtypes: tuple[str, ...]) -> str:
    if cursor.token.text not in dtypes:
        raise cursor.expected(f"a dtype ({', '.join(dtypes)})")
    return cursor.advance().text


def _from_table(
    cursor: Cursor, dtypes: tuple[str, ...], arrays: Mapping[str, NDArray[np.generic]]
) -> NDArray[np.generic]:
    start = cursor.advance()
    dtype = _dtype(cursor, dtypes)
    shape = cursor.integers(0, 2**31, (1, 2, 3))
    array = arrays.get(start.text[1:])
    if array is None:
        raise cursor.error(f"array {start.text} is not in the side table", start)
    if str(array.dtype) != dtype or array.shape != shape:
        found = f"{array.dtype}{list(array.shape)}"
        raise cursor.error(f"array {start.text} is {found} in the side table, {dtype}{list(shape)} in the text", start)
    return array


def _inline(cursor: Cursor, dtype: str) -> NDArray[np.generic]:
    numbers: list[int | float] = []
    start = cursor.token
    shape = _read(cursor, np.dtype(dtype), numbers, 0)
    with np.errstate(over="ignore"):
        array = np.array(numbers, dtype).reshape(shape)
    if dtype == "float32" and np.isinf(array).sum() != np.isinf(np.array(numbers, np.float64)).sum():
        raise cursor.error("a number is beyond float32", start)
    return array


def _read(cursor: Cursor, dtype: np.dtype[np.generic], numbers: list[int | float], depth: int) -> tuple[int, ...]:
    """Append the numbers of one item (a number, or items in brackets) and return its shape."""
    if cursor.token.text != "[":
        _read_number(cursor, dtype, numbers)
        return ()
    if depth == 3:
        raise cursor.expected("a number (arrays have at most three dimensions)")
    cursor.need("[")
    begin = len(numbers)
    first, count = _read(cursor, dtype, numbers, depth + 1), 1
    if not first and numbers and cursor.token.text == "..":
        _read_range(cursor, dtype, numbers)
        cursor.need("]")
        return (len(numbers) - begin,)
    while not cursor.accept("]"):
        if not cursor.accept(","):
            raise cursor.expected("',' or ']'")
        start = cursor.token
        shape = _read(cursor, dtype, numbers, depth + 1)
        if shape != first:
            raise cursor.error(f"this item has shape {list(shape)}, the first one {list(first)}", start)
        count += 1
    return (count, *first)


def _read_number(cursor: Cursor, dtype: np.dtype[np.generic], numbers: list[int | float]) -> None:
    if len(numbers) >= _LONGEST:
        raise cursor.error(f"more than {_LONGEST} numbers stand inline")
    if dtype.kind == "f":
        numbers.append(cursor.real())
        return
    limits = np.iinfo(dtype.name)
    numbers.append(cursor.integer(int(limits.min), int(limits.max)))


def _read_range(cursor: Cursor, dtype: np.dtype[np.generic], numbers: list[int | float]) -> None:
    """The rest of `first..last`, whose first number was the latest to be read."""
    first = numbers[-1]
    if not isinstance(first, int):
        raise cursor.expected("',' or ']'")
    cursor.need("..")
    last = cursor.integer(first, min(first + _LONGEST - len(numbers), int(np.iinfo(dtype.name).max)))
    numbers += range(first + 1, last + 1)
