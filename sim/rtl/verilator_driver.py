"""The C++ program around a verilated circuit (a string, so that every wheel has it)."""

from __future__ import annotations

from threshc.hdl.interface import Interface
from threshc.hdl.payload import byte_count

_DRIVER = r"""// Feeds samples through the valid/ready streams of a verilated threshc circuit.
// argv: input file, output file, payloads in, payloads out, input bytes, output bytes, stall, patience, reset cycles,
// and for every reset in the middle of samples the payloads that are taken before it.
// Files hold payloads, little end first; a file OUTPUT.K holds what probe K leads out. Prints "cycles latency".
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "Vthreshc.h"
#include "verilated.h"

template <class T>
static void put(T& port, const std::vector<uint8_t>& bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size(); ++i) value |= uint64_t(bytes[i]) << (8 * i);
    port = static_cast<T>(value);
}

template <size_t N>
static void put(VlWide<N>& port, const std::vector<uint8_t>& bytes) {
    for (size_t w = 0; w < N; ++w) port[w] = 0;
    for (size_t i = 0; i < bytes.size(); ++i) port[i / 4] |= uint32_t(bytes[i]) << (8 * (i % 4));
}

template <class T>
static void get(const T& port, std::vector<uint8_t>& bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = uint8_t(uint64_t(port) >> (8 * i));
}

template <size_t N>
static void get(const VlWide<N>& port, std::vector<uint8_t>& bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = uint8_t(port[i / 4] >> (8 * (i % 4)));
}

int main(int argc, char** argv) {
    if (argc < 10) return 2;
    FILE* in = std::fopen(argv[1], "rb");
    FILE* out = std::fopen(argv[2], "wb");
    if (!in || !out) return 3;
    const long samples = std::atol(argv[3]), answers = std::atol(argv[4]);
    std::vector<uint8_t> sample(std::atol(argv[5])), answer(std::atol(argv[6]));
    const bool stall = std::atol(argv[7]) != 0;
    const long patience = std::atol(argv[8]), resets = std::atol(argv[9]);

    // OPEN
    VerilatedContext context;
    Vthreshc top{&context};
    top.i_valid = 0;
    top.o_ready = 0;
    for (int a = 9; a < argc; ++a) {
        for (long taken = 0, idle = 0; a > 9 && taken < std::atol(argv[a]) && idle < patience; ++idle) {
            if (!idle) {
                if (std::fread(sample.data(), 1, sample.size(), in) != sample.size()) return 4;
                put(top.i_payload, sample);
            }
            top.clk = 0;
            top.i_valid = top.o_ready = 1;
            top.eval();
            if (top.i_ready) {
                ++taken;
                idle = -1;
            }
            top.clk = 1;
            top.eval();
        }
        std::rewind(in);
        top.i_valid = top.o_ready = 0;
        top.rst = 1;
        for (long r = 0; r < resets; ++r) {
            top.clk = 0;
            top.eval();
            top.clk = 1;
            top.eval();
        }
        top.rst = 0;
    }

    long cycle = 0, read = 0, sent = 0, got = 0, idle = 0, accepted_at = 0, latency = 0;
    uint32_t lfsr = 0xACE1;
    bool offering = false;
    for (; (got < answers || sent < samples) && idle < patience; ++cycle) {
        const uint32_t bit = (lfsr ^ lfsr >> 2 ^ lfsr >> 3 ^ lfsr >> 5) & 1;  // threshc.sim.rtl.trace.stalls
        lfsr = lfsr >> 1 | bit << 15;
        const bool free = !(stall && got);
        const bool take = free || (lfsr >> 4 & 3) != 0;
        offering = sent < samples && (offering || free || (lfsr & 3) != 0);
        if (offering && read == sent) {
            if (std::fread(sample.data(), 1, sample.size(), in) != sample.size()) return 4;
            put(top.i_payload, sample);
            ++read;
        }
        top.clk = 0;
        top.i_valid = offering;
        top.o_ready = take;
        top.eval();
        const bool accepted = offering && top.i_ready;
        // PROBES
        if (accepted && !sent) accepted_at = cycle;
        ++idle;
        if (top.o_valid) {
            if (!got) latency = cycle - accepted_at;
            if (take) {
                get(top.o_payload, answer);
                if (std::fwrite(answer.data(), 1, answer.size(), out) != answer.size()) return 5;
                ++got;
                idle = 0;
            }
        }
        if (accepted) {
            ++sent;
            offering = false;
            idle = 0;
        }
        top.clk = 1;
        top.eval();
    }
    // TRAILING
    top.final();
    // CLOSE
    if (std::fclose(out)) return 5;
    std::fclose(in);
    std::printf("%ld %ld\n", cycle, latency);
    return 0;
}
"""


def driver(interface: Interface) -> str:
    """Returns the program for a circuit with these streams and probes."""
    opened, seen, closed = list[str](), list[str](), list[str]()
    for k, probe in enumerate(interface.probes):
        size = byte_count(probe.width)
        opened.append(f"std::vector<uint8_t> probe{k}({size});")
        opened.append(f'FILE* led{k} = std::fopen((std::string(argv[2]) + ".{k}").c_str(), "wb");')
        opened.append(f"if (!led{k}) return 3;")
        seen.append(f"if (top.probe{k}_valid) get(top.probe{k}_payload, probe{k});")
        seen.append(f"if (top.probe{k}_valid && std::fwrite(probe{k}.data(), 1, {size}, led{k}) != {size}) return 5;")
        closed.append(f"if (std::fclose(led{k})) return 5;")
    text = _DRIVER
    trailing = [
        f"for (long t = 0; t < {interface.trailing}; ++t) {{",
        *(
            f"    {line}"
            for line in ("top.clk = 0;", "top.i_valid = 0;", "top.eval();", *seen, "top.clk = 1;", "top.eval();")
        ),
        "}",
    ]
    marks = [("OPEN", opened, 4), ("PROBES", seen, 8), ("TRAILING", trailing if interface.trailing else [], 4)]
    for mark, lines, indent in (*marks, ("CLOSE", closed, 4)):
        gap = " " * indent
        text = text.replace(f"{gap}// {mark}\n", "".join(f"{gap}{line}\n" for line in lines))
    return text
