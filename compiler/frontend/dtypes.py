"""The element types of tensors: which family each belongs to, and which numbers it holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LETTERS = {
    "float32": "f",
    "float64": "d",
    "float16": "h",
    "bfloat16": "g",
    "bool": "b",
    **dict.fromkeys(("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), "i"),
    **dict.fromkeys(("int2", "int4", "uint2", "uint4"), "q"),
}
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


def letter(dtype: np.dtype[Any]) -> str:
    """Returns the family of a type: f float32, d float64, h float16, g bfloat16, i integers of 8 to 64 bits, q integers
    of 2 and 4 bits, b bool; "" for every other type (float8, text, complex numbers)."""
    return _LETTERS.get(dtype.name, "")


def named_type(number: int) -> np.dtype[Any]:
    """Returns the type that ONNX gives a number (TensorProto.FLOAT is 1, ...). Raises ValueError for numbers without a
    type."""
    from onnx import helper

    try:
        return np.dtype(helper.tensor_dtype_to_np_dtype(number))
    except KeyError as error:
        raise ValueError(f"{number} is the number of no tensor type") from error


def is_float(dtype: np.dtype[Any]) -> bool:
    """Returns whether a type is one of the four floating-point types that are computed in."""
    return dtype.name in _DIGITS


def is_integer(dtype: np.dtype[Any]) -> bool:
    """Returns whether a type holds integers, of whatever width."""
    return letter(dtype) in ("i", "q")


def digits(dtype: np.dtype[Any]) -> int:
    """Returns the significant bits of a floating-point type: integers up to 2**digits are exact in it."""
    return _DIGITS[dtype.name]


def limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Returns the least and the greatest integer that an integer type holds."""
    bits = int(dtype.name.removeprefix("u").removeprefix("int"))
    half: int = 1 << (bits - 1)
    return (0, 2 * half - 1) if dtype.name.startswith("u") else (-half, half - 1)


def fits(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[np.bool_]:
    """Returns where numbers, cut to integers, surely lie within an integer type. Of 64 bits, where float64 has no
    longer every integer, only half of the range counts as sure."""
    lo, hi = limits(dtype)
    with np.errstate(invalid="ignore"):
        whole = np.trunc(values)
        inside: NDArray[np.bool_] = (whole >= max(lo, -(2**62))) & (whole <= min(hi, 2**62))
    return inside


def has_nan(values: NDArray[Any]) -> bool:
    """Returns whether a NaN is among the values of a tensor of any type."""
    return is_float(values.dtype) and bool((values != values).any())
