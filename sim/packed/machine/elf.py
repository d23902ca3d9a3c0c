"""Links one relocatable ELF object for x86-64 into an image that runs wherever it lies, without any system linker.

Image: the loadable sections end to end, then stubs. Calls out of the object are of three kinds: the memory functions of
the C library, through slots that the loader fills; Numba's reference counting, which has nothing to count here (all
arrays are borrowed): a stub that returns; Numba's error paths, which the kernels do not have: a stub that traps. A call
of anything else is not linked.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

LIBRARY = ("memcpy", "memset", "memmove")
_EMPTY = ("NRT_incref", "NRT_decref")
_ERRORS = ("Py", "numba_", "NRT_Free", "NRT_MemInfo_call_dtor")  # how their names begin

_X86_64, _RELOCATABLE = 62, 1
_PROGBITS, _SYMTAB, _RELA, _NOBITS = 1, 2, 4, 8
_ALLOC = 2
_ABS64, _PC32, _PLT32, _GOTPCREL, _GOTPCRELX, _REX_GOTPCRELX = 1, 2, 4, 9, 41, 42


class NotLinkable(Exception):
    """The object has something that this linker does not do."""


@dataclass(frozen=True)
class Image:
    """code; entry: offset of the wanted function; absolute: offsets of 64-bit words to which the load address is added;
    slots: offsets of 64-bit words that take the address of a C library function."""

    code: bytes
    entry: int
    absolute: list[int]
    slots: dict[str, int]


@dataclass
class _Section:
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    place: int = -1


@dataclass
class _Layout:
    code: bytearray
    stubs: dict[str, int] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)


def link(data: bytes, function: str) -> Image:
    """Returns the image of an object file, entered at a function."""
    if data[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<HH", data, 16) != (_RELOCATABLE, _X86_64):
        raise NotLinkable("not an x86-64 ELF object")
    sections = _sections(data)
    out = _Layout(bytearray())
    for s in sections:
        if s.flags & _ALLOC and s.kind != _NOBITS and s.size:
            out.code += bytes(-len(out.code) % max(s.align, 1))
            s.place = len(out.code)
            out.code += data[s.offset : s.offset + s.size]
    for s in sections:
        if s.kind == _NOBITS and s.flags & _ALLOC and s.size:
            out.code += bytes(-len(out.code) % max(s.align, 1))
            s.place = len(out.code)
            out.code += bytes(s.size)
    symbols = _symbols(data, sections)
    absolute: list[int] = []
    for s in sections:
        if s.kind == _RELA and sections[s.info].place >= 0:
            for k in range(s.offset, s.offset + s.size, 24):
                _relocate(out, sections, symbols, sections[s.info].place, struct.unpack_from("<QQq", data, k), absolute)
    entry = next((_place(sections, sym) for sym in symbols if sym[0] == function), None)
    if entry is None:
        raise NotLinkable(f"no function {function}")
    slots = {name: out.words[name] for name in LIBRARY if name in out.words}
    return Image(bytes(out.code), entry, absolute, slots)


def _sections(data: bytes) -> list[_Section]:
    (start,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    found = []
    for k in range(count):
        _, kind, flags, _, offset, length, other, info, align, _ = struct.unpack_from(
            "<IIQQQQIIQQ", data, start + k * size
        )
        found.append(_Section(kind, flags, offset, length, other, info, align))
    return found


def _symbols(data: bytes, sections: list[_Section]) -> list[tuple[str, int, int]]:
    """(name, section, value) of every symbol; common symbols are refused."""
    table = next((s for s in sections if s.kind == _SYMTAB), None)
    if table is None:
        raise NotLinkable("no symbols")
    names = sections[table.link].offset
    found = []
    for k in range(table.offset, table.offset + table.size, 24):
        name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", data, k)
        end = data.index(b"\0", names + name)
        found.append((data[names + name : end].decode(), section, value))
    return found


def _place(sections: list[_Section], symbol: tuple[str, int, int]) -> int | None:
    """Where a symbol lies in the image, None if it is not in it."""
    _, section, value = symbol
    if not 0 < section < len(sections) or sections[section].place < 0:
        return None
    return sections[section].place + value


def _relocate(
    out: _Layout,
    sections: list[_Section],
    symbols: list[tuple[str, int, int]],
    base: int,
    entry: tuple[int, int, int],
    absolute: list[int],
) -> None:
    offset, info, addend = entry
    at, kind, symbol = base + offset, info & 0xFFFFFFFF, symbols[info >> 32]
    target = _place(sections, symbol)
    if kind == _ABS64:
        struct.pack_into("<q", out.code, at, (target if target is not None else _stub(out, symbol[0])) + addend)
        absolute.append(at)
        return
    if kind in (_GOTPCREL, _GOTPCRELX, _REX_GOTPCRELX):
        target = _word(out, symbol[0], target, absolute)
    elif kind not in (_PC32, _PLT32):
        raise NotLinkable(f"relocation {kind}")
    if target is None:
        target = _stub(out, symbol[0])
    struct.pack_into("<i", out.code, at, target + addend - at)


def _word(out: _Layout, name: str, target: int | None, absolute: list[int]) -> int:
    """A 64-bit word that holds the address of a symbol: a slot for the C library, 0 for other foreign data."""
    if name not in out.words:
        if target is None:
            _expected(name)
        out.code += bytes(-len(out.code) % 8)
        out.words[name] = len(out.code)
        out.code += struct.pack("<q", target or 0)
        if target is not None:
            absolute.append(out.words[name])
    return out.words[name]


def _stub(out: _Layout, name: str) -> int:
    """Code for a call out of the object."""
    if name not in out.stubs:
        _expected(name)
        if name in LIBRARY:
            slot = _word(out, name, None, [])
            place = len(out.code)
            out.code += b"\xff\x25" + struct.pack("<i", slot - place - 6)  # jmp [rip + slot]
        else:
            place = len(out.code)
            out.code += b"\xc3" if name in _EMPTY else b"\x0f\x0b"  # ret, ud2
        out.stubs[name] = place
    return out.stubs[name]


def _expected(name: str) -> None:
    if name not in (*LIBRARY, *_EMPTY) and not name.startswith(_ERRORS):
        raise NotLinkable(f"it needs {name}")
