"""What is demanded of converters and of the arg-max, as one bit beside their own circuits: `ok` is 1 in every cycle.

Converters: any one beat, or part of one, that is picked freely leaves in its place, behind those before it; ready stays
until a beat is taken and valid until one has left; and each takes a beat or offers one. The arg-max: what it answers is
the index of the largest sum since the last answer, the lowest among equals, as adding them up one by one says.
Comparisons with constants of every beat's own: what leaves says of each number of a beat what was wanted for that beat.
"""

from __future__ import annotations

from collections.abc import Iterator

from amaranth.hdl import Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from threshc.hdl.folded.arg_max import PATIENT, ArgMax
from threshc.hdl.folded.entry import BeatThresholds
from threshc.hdl.folded.links import Fill, Gather, Split

Link = Gather | Split | Fill | ArgMax | BeatThresholds


class LinkProperties(Component):
    """A converter's or an arg-max's circuit and the bit `ok`. The environment may do anything, reset included."""

    boxes: tuple[str, ...] = ()

    def __init__(self, part: Link) -> None:
        self.part = part
        super().__init__(
            {
                "offered": In(1),
                "given": In(len(part.i.payload)),
                "taken": In(1),
                "pick": In(1),
                "slot": In(range(1 if isinstance(part, Fill | BeatThresholds) else part.count)),
                "ok": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m, part = Module(), self.part
        m.submodules.part = Fragment.get(part, platform)  # now: what is looked at is made by it
        m.d.comb += [part.i.valid.eq(self.offered), part.i.payload.eq(self.given), part.o.ready.eq(self.taken)]
        match part:
            case Gather():
                demands = [*self._gather(m, part), *self._streams(m)]
            case Split():
                demands = [*self._split(m, part), *self._streams(m)]
            case Fill():
                demands = [*self._fill(m, part)]
            case ArgMax():
                demands = [*self._arg_max(m, part), *self._streams(m)]
            case BeatThresholds():
                demands = [*self._compared(m, part), *self._streams(m)]
        m.d.comb += self.ok.eq(Cat(*demands).all())
        return m

    @property
    def _put(self) -> Value:
        return self.part.i.valid & self.part.i.ready

    @property
    def _leaves(self) -> Value:
        return self.part.o.valid & self.part.o.ready

    def _streams(self, m: Module) -> Iterator[Value]:
        part = self.part
        valid, answer = Signal(), Signal(len(part.o.payload))
        m.d.sync += [valid.eq(part.o.valid & ~part.o.ready), answer.eq(part.o.payload)]
        yield ~valid | (part.o.valid & (answer == part.o.payload))
        if not isinstance(part, ArgMax):
            yield part.i.ready | part.o.valid

    def _gather(self, m: Module, part: Gather) -> Iterator[Value]:
        count, width = part.count, part.width
        taken, whole, word, short = Signal(range(count)), Signal(), Signal(range(part.words)), Signal()
        last = word == part.words - 1 if part.last < count else Const(0)  # the word has but `last` beats
        ends = taken == Mux(last, part.last - 1, count - 1)
        with m.If(self._put):
            m.d.sync += taken.eq(Mux(ends, 0, taken + 1))
        with m.If(self._put & ends):
            m.d.sync += [whole.eq(1), short.eq(last), word.eq(Mux(word == part.words - 1, 0, word + 1))]
        with m.Elif(self._leaves):
            m.d.sync += whole.eq(0)
        picked, at, kept = Signal(), Signal(range(count)), Signal(width)
        with m.If(~picked & self.pick & self._put):
            m.d.sync += [picked.eq(1), at.eq(taken), kept.eq(part.i.payload)]
        with m.Elif(picked & self._leaves):
            m.d.sync += picked.eq(0)
        yield (taken < count) & (part.at == taken) & ((taken < part.last) | ~last)
        if part.last < count:
            yield (word < part.words) & (part.nth == word)
            yield ~(whole & short) | ~part.word[part.last * width :].any()
            yield ~(whole & short & picked) | (at < part.last)
        yield (part.full == whole) & (part.o.valid == whole)
        yield ~whole | (taken == 0)
        yield ~picked | whole | (at < taken)
        yield ~picked | (at < count)
        here = Mux(whole, at, (count - taken + at)[: at.shape().width + 1])
        yield ~picked | (part.word.word_select(here, width) == kept)
        yield ~(picked & part.o.valid) | (part.o.payload.word_select(at, width) == kept)

    def _split(self, m: Module, part: Split) -> Iterator[Value]:
        count, width = part.count, part.width
        left, parts, beat = Signal(range(count + 1)), Signal(range(count + 1), init=count), Signal(range(part.beats))
        coming = Mux(beat == part.beats - 1, part.last, count)
        given = Cat(part.i.payload, Const(0, width * count - len(part.i.payload)))
        with m.If(self._put):
            m.d.sync += [left.eq(coming), parts.eq(coming), beat.eq(Mux(beat == part.beats - 1, 0, beat + 1))]
        with m.Elif(self._leaves):
            m.d.sync += left.eq(left - 1)
        picked, at, kept = Signal(), Signal(range(count)), Signal(width)
        gone = parts - left
        with m.If(~picked & self.pick & self._put & (self.slot < coming)):
            m.d.sync += [picked.eq(1), at.eq(self.slot), kept.eq(given.word_select(self.slot, width))]
        with m.Elif(picked & self._leaves & (at == gone)):
            m.d.sync += picked.eq(0)
        yield (left <= parts) & (parts <= count) & (part.left == left)
        if part.last < count:
            yield (beat < part.beats) & (part.nth == beat)
        yield part.o.valid == (left != 0)
        yield ~picked | ((at >= gone) & (at < parts))
        yield ~picked | (part.word.word_select((at - gone)[: len(left)], width) == kept)
        yield ~(picked & (at == gone)) | (part.o.valid & (part.o.payload == kept))

    def _fill(self, m: Module, part: Fill) -> Iterator[Value]:
        """It has nothing to keep: what goes in goes out in the same cycle."""
        beat = Signal(range(part.beats))
        last = beat == part.beats - 1
        with m.If(self._put):
            m.d.sync += beat.eq(Mux(last, 0, beat + 1))
        yield (part.o.valid == part.i.valid) & (part.i.ready == part.o.ready)
        for k, bit in enumerate(part.o.payload):
            given: Value = part.i.payload[k] if k < part.width else Const(0)
            yield bit == (given if part.kept >> k & 1 or k >= part.width else given & ~last)
        if part.kept != (1 << part.width) - 1:
            yield (beat < part.beats) & (part.at == beat)

    def _compared(self, m: Module, part: BeatThresholds) -> Iterator[Value]:
        """Every beat by its number in the sample, whose thresholds are made bit by bit of one bit for each number."""
        count, bits = len(part.thresholds), part.bits
        beat, whole, want = Signal(range(count)), Signal(), Signal(len(part.o.payload))
        is_beat = [beat == b for b in range(count)]
        columns = [*zip(*([t for feature in b for t in feature] for b in part.thresholds), strict=True)]
        features = [f for f, thresholds in enumerate(part.thresholds[0]) for _ in thresholds]
        with m.If(self._put):
            m.d.sync += [beat.eq(Mux(beat == count - 1, 0, beat + 1)), whole.eq(1)]
        with m.Elif(self._leaves):
            m.d.sync += whole.eq(0)
        for k, (column, f) in enumerate(zip(columns, features, strict=True)):
            feature = part.i.payload.word_select(f, bits)
            number = feature.as_signed() if part.is_signed else feature
            wide = range(max(t.bit_length() for t in column) + 1)
            rows = [[now for now, t in zip(is_beat, column, strict=True) if t >> p & 1] for p in wide]
            need = Cat(*(Cat(*row).any() if row else Const(0) for row in rows)).as_signed()
            with m.If(self._put):
                m.d.sync += want[k].eq(number >= need)
            yield part.word[k] == need - 1
        yield (beat < count) & (part.at == Mux(beat == count - 1, 0, beat + 1))
        yield (part.full == whole) & (part.o.valid == whole)
        yield ~whole | (part.o.payload == want)

    def _arg_max(self, m: Module, part: ArgMax) -> Iterator[Value]:
        count, width, now = part.count, part.width, part.state
        best, taken = Signal(width, init=1 << (width - 1)), Signal(range(count))
        arg, answer, whole = (Signal(len(part.o.payload)), Signal(len(part.o.payload)), Signal())
        better = (taken == 0) | (part.i.payload.as_signed() > best.as_signed())
        with m.If(self._put):
            m.d.sync += taken.eq(Mux(taken == count - 1, 0, taken + 1))
            with m.If(better):
                m.d.sync += [best.eq(part.i.payload), arg.eq(taken)]
        with m.If(self._put & (taken == count - 1)):
            m.d.sync += [whole.eq(1), answer.eq(Mux(better, taken, arg))]
        with m.Elif(self._leaves):
            m.d.sync += whole.eq(0)
        under_way = ~now["free"] if part.cycles == PATIENT else now["compared"]
        last = now["at"] == count - 1
        most = ~now["less"]
        larger = (now["candidate"] > most) | (now["at"] == 0)
        new = under_way & larger
        yield (taken < count) & (now["at"] < count)
        yield taken == Mux(under_way, Mux(last, 0, now["at"] + 1), now["at"])
        yield best == (Mux(new, now["candidate"], most) ^ (1 << (width - 1)))
        yield arg == Mux(new, now["at"], now["arg"])
        yield ~(under_way & last & now["full"])
        yield whole == (now["full"] | (under_way & last))
        yield ~(under_way & last) | (answer == Mux(new, now["at"], now["arg"]))
        yield part.o.valid == now["full"]
        yield ~part.o.valid | (part.o.payload == answer)
        yield part.i.ready | part.o.valid | under_way
        if part.cycles == PATIENT:
            yield now["free"] + now["compared"] + now["kept"] == 1
            yield ~now["full"] | now["free"]
            yield ~now["kept"] | ((now["larger"] == larger) & (now["last"] == last))
        else:
            yield now["coming"] == taken
