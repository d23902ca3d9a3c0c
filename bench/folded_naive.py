"""What one would write by hand: a folded layer of XNORs, and for every PE a tree of +, an accumulator, a comparator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def naive(negative: NDArray[np.uint8], start: NDArray[np.int64], pe: int, simd: int) -> tuple[str, dict[str, str]]:
    """Verilog of a module `top` with the ports of a folded circuit, and the memory files that it reads.

    negative: (rows, columns), 1 where a weight is -1; start: (rows,), sums begin with it; the answers are the signs.
    It loads a sample, computes rows / pe * columns / simd cycles, and stalls as a whole while an answer waits: less
    control than ours, which loads the next sample meanwhile and stalls nowhere.
    """
    rows, columns = negative.shape
    groups, chunks = rows // pe, columns // simd
    k, steps = (columns + 1).bit_length(), rows // pe * (columns // simd)
    need = np.clip(negative.sum(axis=1, dtype=np.int64) - start, 0, columns + 1)
    words = negative.reshape(groups, pe, chunks, simd).transpose(0, 2, 1, 3).reshape(steps, -1)
    limits = (need[:, None] >> np.arange(k) & 1).astype(np.uint8).reshape(groups, -1)
    top = max(steps - 1, 1).bit_length() - 1
    neurons = "\n".join(_neuron(p, simd, k) for p in range(pe))
    text = f"""
module top(input clk, input rst, input [{simd - 1}:0] i_payload, input i_valid, output i_ready,
           output reg [{pe - 1}:0] o_payload, output reg o_valid, input o_ready);
    reg [{simd - 1}:0] buffer [0:{chunks - 1}];
    (* rom_style = "block", ram_style = "block" *) reg [{pe * simd - 1}:0] weights [0:{steps - 1}];
    reg [{pe * k - 1}:0] limits [0:{groups - 1}];
    initial $readmemh("weights.mem", weights);
    initial $readmemh("limits.mem", limits);
    reg loading;
    reg [15:0] chunk, group;
    reg [{top}:0] step;
    wire move = ~o_valid | o_ready;
    wire end_of_pass = chunk == {chunks - 1};
    assign i_ready = loading;
    reg go_1, first_1, last_1, go_2, first_2, last_2, last_3;
    reg [{simd - 1}:0] x;
    reg [{pe * simd - 1}:0] w;
    reg [{pe * k - 1}:0] t_1, t_2, t_3;
    always @(posedge clk) begin
        if (loading & i_valid) buffer[chunk] <= i_payload;
        if (move) begin
            x <= buffer[chunk];
            w <= weights[step];
            t_1 <= limits[group];
            t_2 <= t_1;
            t_3 <= t_2;
            first_1 <= chunk == 0;
            last_1 <= end_of_pass;
            {{first_2, last_2}} <= {{first_1, last_1}};
        end
    end
    always @(posedge clk)
        if (rst) begin
            loading <= 1;
            {{chunk, group, step, go_1, go_2, last_3, o_valid}} <= 0;
        end else begin
            if (loading ? i_valid : move) begin
                chunk <= end_of_pass ? 0 : chunk + 1;
                if (loading) begin
                    if (end_of_pass) loading <= 0;
                end else begin
                    step <= step == {steps - 1} ? 0 : step + 1;
                    if (end_of_pass) group <= group == {groups - 1} ? 0 : group + 1;
                    if (step == {steps - 1}) loading <= 1;
                end
            end
            if (move) begin
                go_1 <= ~loading;
                go_2 <= go_1;
                last_3 <= go_2 & last_2;
                o_valid <= last_3;
            end
        end
{neurons}
endmodule
"""
    return text, {"weights.mem": _hexadecimal(words), "limits.mem": _hexadecimal(limits)}


def _neuron(p: int, simd: int, k: int) -> str:
    lanes = [f"(x[{i}] ^ w[{p * simd + i}])" for i in range(simd)]
    while len(lanes) > 1:
        lanes = [f"({' + '.join(lanes[i : i + 2])})" for i in range(0, len(lanes), 2)]
    bits = simd.bit_length()
    return f"""
    wire [{bits - 1}:0] sum_{p} = {_widened(lanes[0], bits)};
    reg [{bits - 1}:0] count_{p};
    reg [{k - 1}:0] acc_{p};
    always @(posedge clk) if (move) begin
        count_{p} <= sum_{p};
        if (go_2) acc_{p} <= (first_2 ? {k}'d0 : acc_{p}) + count_{p};
        o_payload[{p}] <= acc_{p} >= t_3[{p * k} +: {k}];
    end"""


def _widened(expression: str, bits: int) -> str:
    """The same with a zero of `bits` bits in it, so that Verilog adds in that width."""
    return f"{bits}'d0 + {expression}"


def _hexadecimal(words: NDArray[np.uint8]) -> str:
    padded = np.pad(words[:, ::-1], ((0, 0), (-words.shape[1] % 8, 0)))
    return "\n".join(row.tobytes().hex() for row in np.packbits(padded, axis=1)) + "\n"
