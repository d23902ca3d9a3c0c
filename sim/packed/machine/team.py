# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Handing work to other threads without Python: a few words of memory that both sides look at.

A helper is a thread that waits in `serve`, looking at its mailbox: IDLE, ASLEEP, or the address of an errand, which is
odd once the helper has taken it. It looks for a fraction of a millisecond, as long as a batch may follow at once, and
then leaves for a lock of the operating system. An errand (see `layout.ERRAND`) is a share in a list of jobs: whoever is
free takes the next one, so it does no harm if a helper wakes late or not at all. The leader takes back errands that
were not taken, and waits for the others: when its call returns nobody touches the batch's memory any more, and as the
door is opened and closed within that one call no exception of Python can come in between.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.extending import intrinsic

from threshc.sim.packed.machine.simd import I64, call, number
from threshc.sim.packed.planes.layout import ASLEEP, IDLE, JOB, JOB_FIELDS, SERVE

PATIENCE, WAIT, PAUSE = 1 << 14, 1 << 11, 50
"""Looks at the mailbox before a helper sleeps (about 0.4 ms), and before a leader lets its thread sleep for so many
microseconds at a time."""


def _word(builder, address):
    return builder.inttoptr(address, I64.as_pointer())


@intrinsic
def put(typingctx, address, index, value):
    def codegen(context, builder, sig, args):
        builder.store(args[2], builder.gep(_word(builder, args[0]), [args[1]]), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def look(typingctx, address):
    """The word that another thread may write."""

    def codegen(context, builder, sig, args):
        return builder.load_atomic(_word(builder, args[0]), "acquire", 8)

    return types.int64(types.int64), codegen


@intrinsic
def show(typingctx, address, value):
    """Write a word that another thread looks at."""

    def codegen(context, builder, sig, args):
        builder.store_atomic(args[1], _word(builder, args[0]), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def next_number(typingctx, address):
    """The word, which is then one larger."""

    def codegen(context, builder, sig, args):
        return builder.atomic_rmw("add", _word(builder, args[0]), I64(1), "acq_rel")

    return types.int64(types.int64), codegen


@intrinsic
def exchange(typingctx, address, value):
    """Write a word; what was there."""

    def codegen(context, builder, sig, args):
        return builder.atomic_rmw("xchg", _word(builder, args[0]), args[1], "acq_rel")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def replace(typingctx, address, old, new):
    """Write a word if it is `old`; whether it was."""

    def codegen(context, builder, sig, args):
        found = builder.cmpxchg(_word(builder, args[0]), args[1], args[2], "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(types.int64, types.int64, types.int64), codegen


@intrinsic
def call_at(typingctx, function, argument):
    """Call the C function void(int64) at an address."""

    def codegen(context, builder, sig, args):
        kind = ir.FunctionType(ir.VoidType(), [I64])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def rest(typingctx):
    """Tell the processor that a loop waits."""

    def codegen(context, builder, sig, args):
        if context.codegen().magic_tuple()[0].startswith(("x86_64", "i686")):
            call(builder, "llvm.x86.sse2.pause", ir.VoidType(), [])
        return context.get_dummy_value()

    return types.void(), codegen


@njit(nogil=True, error_model="numpy")
def _share(errand):
    """Do jobs until all are taken."""
    function, table, jobs, count, taken = (
        number(errand, 0), number(errand, 1), number(errand, 2), number(errand, 3), number(errand, 4),
    )  # fmt: skip
    k = next_number(taken)
    while k < count:
        for i in range(len(JOB_FIELDS)):
            put(table, JOB_FIELDS[i], number(jobs, JOB * k + i))
        call_at(function, table)
        k = next_number(taken)


@njit(nogil=True, error_model="numpy")
def _serve(mailbox):
    looks = 0
    while True:
        found = look(mailbox)
        if found == ASLEEP:
            replace(mailbox, ASLEEP, IDLE)
        elif found != IDLE:
            if replace(mailbox, found, found | 1):
                _share(found)
                show(mailbox, IDLE)
            looks = 0
        elif looks > PATIENCE and replace(mailbox, IDLE, ASLEEP):
            return
        looks += 1
        rest()


@njit(nogil=True, error_model="numpy")
def _lead(args):
    errand, helpers, door = number(args, 1), number(args, 2), number(args, 3)
    show(number(errand, 4), 0)
    if helpers == 0 or not replace(door, 0, 1):
        _share(errand)
        return
    for k in range(helpers):
        put(args, 7 + 3 * k, exchange(number(args, 5 + 3 * k), number(args, 6 + 3 * k)))
    _share(errand)
    _settle(args, helpers, number(args, 4))
    show(door, 0)


@njit(nogil=True, error_model="numpy")
def _settle(args, helpers, sleep):
    """Take errands back, and wait for those that were taken."""
    for k in range(helpers):
        mailbox, errand, before = number(args, 5 + 3 * k), number(args, 6 + 3 * k), number(args, 7 + 3 * k)
        if not replace(mailbox, errand, ASLEEP if before == ASLEEP else IDLE):
            looks = 0
            while look(mailbox) == errand | 1:
                if looks >= WAIT and sleep != 0:
                    call_at(sleep, PAUSE)
                looks += 1
                rest()


def execute_team(args):
    """args: address of words: LEAD or SERVE, and see `layout`."""
    if number(args, 0) == SERVE:
        _serve(number(args, 1))
    else:
        _lead(args)
