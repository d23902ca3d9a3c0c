# mypy: ignore-errors
# (Numba compiles these functions: their types are machine types, which mypy does not know)
"""Handing work to other threads without Python: a few words of memory that both sides look at.

A worker is a thread that waits in `_worker_loop` and looks at its slot, a word that holds IDLE, ASLEEP, or the address
of a task; the address becomes odd when the worker takes the task. The worker looks for a fraction of a millisecond, as
long as a batch may follow at once, and then waits for a lock of the operating system. A task (see `layout.TASK`) is a
share in a list of jobs: whoever is free takes the next job, so it does no harm if a worker wakes late or not at all.
The caller (`_run`) withdraws the tasks that were not taken and waits for the others (`_join`): when its call returns,
nobody touches the batch's memory any more. The word `busy` is set and cleared within that one call, so no exception of
Python can come in between.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.extending import intrinsic

from threshc.sim.packed.machine.simd import I64, call, number
from threshc.sim.packed.planes.layout import ASLEEP, IDLE, JOB, JOB_FIELDS, WORKER_LOOP

PATIENCE, WAIT, PAUSE = 1 << 14, 1 << 11, 50
"""Looks at the slot before a worker sleeps (about 0.4 ms), and before a caller lets its thread sleep for so many
microseconds at a time."""


def _word(builder, address):
    return builder.inttoptr(address, I64.as_pointer())


@intrinsic
def put(typingctx, address, index, value):
    """Writes the word at an index of the table at an address."""

    def codegen(context, builder, sig, args):
        builder.store(args[2], builder.gep(_word(builder, args[0]), [args[1]]), align=8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def look(typingctx, address):
    """Returns the word at an address that another thread may write."""

    def codegen(context, builder, sig, args):
        return builder.load_atomic(_word(builder, args[0]), "acquire", 8)

    return types.int64(types.int64), codegen


@intrinsic
def show(typingctx, address, value):
    """Writes a word that another thread looks at."""

    def codegen(context, builder, sig, args):
        builder.store_atomic(args[1], _word(builder, args[0]), "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def next_number(typingctx, address):
    """Returns the word and adds one to it, in one step."""

    def codegen(context, builder, sig, args):
        return builder.atomic_rmw("add", _word(builder, args[0]), I64(1), "acq_rel")

    return types.int64(types.int64), codegen


@intrinsic
def exchange(typingctx, address, value):
    """Writes a word and returns what was there, in one step."""

    def codegen(context, builder, sig, args):
        return builder.atomic_rmw("xchg", _word(builder, args[0]), args[1], "acq_rel")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def replace(typingctx, address, old, new):
    """Writes a word if it is `old`, and returns whether it was."""

    def codegen(context, builder, sig, args):
        found = builder.cmpxchg(_word(builder, args[0]), args[1], args[2], "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(types.int64, types.int64, types.int64), codegen


@intrinsic
def call_at(typingctx, function, argument):
    """Calls the C function void(int64) at an address."""

    def codegen(context, builder, sig, args):
        kind = ir.FunctionType(ir.VoidType(), [I64])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen


@intrinsic
def rest(typingctx):
    """Tells the processor that a loop waits."""

    def codegen(context, builder, sig, args):
        if context.codegen().magic_tuple()[0].startswith(("x86_64", "i686")):
            call(builder, "llvm.x86.sse2.pause", ir.VoidType(), [])
        return context.get_dummy_value()

    return types.void(), codegen


@njit(nogil=True, error_model="numpy")
def _do_jobs(task):
    """Does jobs until all are taken."""
    function, table, jobs, count, taken = (
        number(task, 0), number(task, 1), number(task, 2), number(task, 3), number(task, 4),
    )  # fmt: skip
    k = next_number(taken)
    while k < count:
        for i in range(len(JOB_FIELDS)):
            put(table, JOB_FIELDS[i], number(jobs, JOB * k + i))
        call_at(function, table)
        k = next_number(taken)


@njit(nogil=True, error_model="numpy")
def _worker_loop(slot):
    looks = 0
    while True:
        found = look(slot)
        if found == ASLEEP:
            replace(slot, ASLEEP, IDLE)
        elif found != IDLE:
            if replace(slot, found, found | 1):
                _do_jobs(found)
                show(slot, IDLE)
            looks = 0
        elif looks > PATIENCE and replace(slot, IDLE, ASLEEP):
            return
        looks += 1
        rest()


@njit(nogil=True, error_model="numpy")
def _run(args):
    task, workers, busy = number(args, 1), number(args, 2), number(args, 3)
    show(number(task, 4), 0)
    if workers == 0 or not replace(busy, 0, 1):
        _do_jobs(task)
        return
    for k in range(workers):
        put(args, 7 + 3 * k, exchange(number(args, 5 + 3 * k), number(args, 6 + 3 * k)))
    _do_jobs(task)
    _join(args, workers, number(args, 4))
    show(busy, 0)


@njit(nogil=True, error_model="numpy")
def _join(args, workers, sleep):
    """Withdraws the tasks that no worker has taken, and waits for the others."""
    for k in range(workers):
        slot, task, before = number(args, 5 + 3 * k), number(args, 6 + 3 * k), number(args, 7 + 3 * k)
        if not replace(slot, task, ASLEEP if before == ASLEEP else IDLE):
            looks = 0
            while look(slot) == task | 1:
                if looks >= WAIT and sleep != 0:
                    call_at(sleep, PAUSE)
                looks += 1
                rest()


def execute_team(args):
    """Runs a caller or a worker. args: the address of words, RUN or WORKER_LOOP first (see `layout`)."""
    if number(args, 0) == WORKER_LOOP:
        _worker_loop(number(args, 1))
    else:
        _run(args)
