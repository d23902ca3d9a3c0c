"""Any text to valid Verilog-2001 identifiers: short, unique, deterministic, whatever a model calls itself."""

from __future__ import annotations

import re

from threshc.compiler.ir.network import Network

LIMIT = 60
"""Longest identifier made here; every tool we know takes 64 characters and more."""

TOP = "threshc__top"
"""The top module of what is built; two underscores: no name that is made of a model has them."""

# Verilog-2005 and SystemVerilog keywords that a name could collide with, and names the emitted modules use themselves.
_WORDS = """
always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default defparam
design disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive endspecify endtable
endtask event for force forever fork function generate genvar highz0 highz1 if ifnone incdir include initial inout
input instance integer join large liblist library localparam macromodule medium module nand negedge nmos nor
noshowcancelled not notif0 notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown pullup
pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1
scalared showcancelled signed small specify specparam strong0 strong1 supply0 supply1 table task time tran tranif0
tranif1 tri tri0 tri1 triand trior trireg unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor
accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit break byte chandle
checker class clocking const constraint context continue cover covergroup coverpoint cross dist do endchecker
endclass endclocking endgroup endinterface endpackage endprogram endproperty endsequence enum eventually expect
export extends extern final first_match foreach forkjoin global iff ignore_bins illegal_bins implements implies
import inside int interconnect interface intersect join_any join_none let local logic longint matches modport
nettype new nexttime null package packed priority program property protected pure rand randc randcase randsequence
ref reject_on restrict return s_always s_eventually s_nexttime s_until s_until_with sequence shortint shortreal soft
solve static string strong struct super sync_accept_on sync_reject_on tagged this throughout timeprecision timeunit
type typedef union unique unique0 until until_with untyped var virtual void wait_order weak wildcard with within clk
rst
"""
_RESERVED = frozenset(_WORDS.split())


def sanitize(text: str, default: str = "n") -> str:
    """Returns a Verilog-2001 identifier of at most `LIMIT` characters: letters, digits and single underscores of
    `text`.

    Everything else becomes `_`; `default` stands in where nothing is left, and before a leading digit or a keyword.
    """
    word = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]", "_", text[: 8 * LIMIT])).strip("_")[:LIMIT].strip("_")
    if not word:
        return default
    if word[0].isdigit() or word.lower() in _RESERVED:
        return f"{default}_{word}"[:LIMIT].strip("_")
    return word


def scopes(network: Network) -> tuple[str, ...]:
    """Returns the Verilog module of every operation of a network, which holds its cells. Tables say `ir.layers`."""
    names = Names(("top",))
    return tuple(names.pick(op.loc.node or op.loc.tensor, f"l{v}") for v, op in enumerate(network.ops))


class Names:
    """Hands out identifiers that differ even where letter case is ignored; the same calls give the same names."""

    def __init__(self, taken: tuple[str, ...] = ()) -> None:
        self._taken = {t.lower() for t in taken}

    def pick(self, text: str, default: str = "n") -> str:
        """Returns `sanitize(text)`, with `_2`, `_3`, ... appended where it was taken."""
        base = sanitize(text, default)
        name, k = base, 1
        while name.lower() in self._taken:
            k += 1
            name = f"{base[: LIMIT - len(str(k)) - 1]}_{k}"
        self._taken.add(name.lower())
        return name
