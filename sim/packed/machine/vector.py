# mypy: ignore-errors
# (Numba's own types, which mypy does not know)
"""The value type V8 of Numba functions: LLVM's <8 x i64>, 512 samples of one bit."""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.core.extending import models, register_model

VECTOR = ir.VectorType(ir.IntType(64), 8)


class V8Type(types.Type):
    """Numba's type of a vector of 512 bits."""

    def __init__(self) -> None:
        super().__init__(name="V8")


v8 = V8Type()


@register_model(V8Type)
class V8Model(models.PrimitiveModel):
    """Numba's model of `V8Type`: LLVM's vector of eight 64-bit words."""

    def __init__(self, manager, fe_type) -> None:
        super().__init__(manager, fe_type, VECTOR)
