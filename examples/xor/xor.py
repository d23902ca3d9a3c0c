"""Writes xor.onnx: two steps on the sum of both inputs (at least one, at least two) and a third step on those two."""

from pathlib import Path

from onnx import parser, save

MODEL = """<ir_version: 8, opset_import: ["" : 17]>
xor (float[N, 2] x) => (bool[N, 1] y)
<float[2, 2] ones = {1, 1, 1, 1}, float[2] at_least = {1, 2}, float[2, 1] minus = {1, -1}, float one = {1}> {
    sums = MatMul(x, ones)
    hidden = GreaterOrEqual(sums, at_least)
    bits = Cast <to = 1> (hidden)
    sum = MatMul(bits, minus)
    y = GreaterOrEqual(sum, one)
}"""

save(parser.parse_model(MODEL), Path(__file__).with_name("xor.onnx"))
