"""The tables of the word engine (one sample per row of 64-bit words), and what their fields mean.

A bit's address is 64 * word + bit inside the sample's workspace; word 0 is all zeros, word 1 all ones. Fields that are
named `word` count words of the workspace, table offsets count words of their table.

op      | reads                                              | writes
PACK    | input bytes 0..width-1 & mode                      | bits (byte >= limits[table + j]) from word out on
GATHER  | `rows` words; tables[table..] has the number of    | words out..: the or of their runs
        | runs of each, tables[width..] three words per run: |
        | bit address, mask, shift                           |
SUM     | `positions` rows of `width` words from word x on,  | NEURONS: bit (s >= 0) to byte 8 * out + row;
        | `stride` words apart; `digits` planes of `blocks`  | NUMBERS: s to word out + row; positions are `pitch`
        | times 8 rows of weights, see `words/tiles.py`      | words apart; `skip` bytes further on
SIGNS   | `positions` rows of `width` 32-bit parts from word | bit (s >= 0) to bit 64 * out + row, as above
        | x on; `blocks` times 32 rows, see `words/signs.py` |
REDUCE  | `width` times `rows` words from word x on          | words out..: their or (mode 0) / and (mode 1)
ARGMAX  | rows integers from word x on                       | index of the first largest to word out
BITS    | rows bit addresses tables[table..]                 | bits of the result, from column `out` on
INTS    | rows integers from word x on                       | integers of the result, from column `out` on
"""

from __future__ import annotations

PACK, GATHER, SUM, SIGNS, REDUCE, ARGMAX, BITS, INTS = range(8)
NEURONS, NUMBERS = range(2)

FIELDS = (
    "op", "mode", "rows", "width", "table", "x", "stride", "positions", "out", "pitch", "digits", "blocks", "weights",
    "masked", "skip",
)  # fmt: skip

ARGUMENTS = (
    "program", "steps", "weights", "tables", "limits", "x", "pitch", "samples", "workspace", "words", "group",
    "bits", "bits_row", "ints", "ints_row",
)  # fmt: skip
"""What the machine code is called with: one table of 64-bit words, addresses or numbers."""

GROUP = 64
"""Samples that pass a layer together, so that its weights are read from the nearest cache."""
