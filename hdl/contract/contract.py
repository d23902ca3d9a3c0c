"""Every bit that goes into a circuit or comes out of it, and what it means in the model's own numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod

from threshc.compiler.diagnostics import visible
from threshc.compiler.ir.ops import Output
from threshc.hdl.contract.samples import Samples, samples
from threshc.hdl.interface import Beats, Field, Interface


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """The streams of a circuit in the model's terms.

    name: the module's. samples: what goes in. input, output: the streams; fields: slices of an answer, with the
    network's outputs that they are.
    """

    name: str
    samples: Samples
    input: Beats
    output: Beats
    fields: tuple[tuple[Field, Output], ...]

    def words(self) -> list[str]:
        """Returns the whole contract as sentences."""
        return [*self.samples.words(), self.stream_words(), *self.output_words()]

    def stream_words(self) -> str:
        """Returns how a sample's word crosses the stream, as a sentence."""
        if self.input.count == 1:
            return f"A sample is one transfer of {self.input.bits:,} bits."
        filled = self.input.count * self.input.width - self.input.bits
        rest = f"; the last one has {filled} zeros on top" if filled else ""
        width = self.input.width
        return f"A sample is {self.input.count:,} transfers of {width:,} bits, the word's lowest bits first{rest}."

    def output_words(self) -> list[str]:
        """Returns what comes out, as sentences."""
        found = []
        for field, output in self.fields:
            name, bits = visible(output.name), f"Bits {field.offset} to {field.offset + field.width - 1}"
            count, width = prod(field.shape), field.element_width
            if field.kind == "class":
                first = int(output.offset)
                more = f"; the model counts from {first}" if first else ""
                found.append(f"{bits}: {name}, the index of the class, from 0{more}.")
            elif field.kind == "scores":
                kind = "two's complement" if field.signed else "unsigned"
                found.append(f"{bits}: {name}, {count:,} scores of {width} bits, {kind}, score 0 lowest.")
            else:
                found.append(f"{bits}: {name}, {count:,} bits in row-major order, bit 0 lowest.")
        return found

    def as_dict(self) -> dict[str, object]:
        """Returns all of it for JSON."""
        stream = {"bits": self.input.bits, "beat_bits": self.input.width, "beats": self.input.count}
        given = {**self.samples.as_dict(), **stream, "words": [*self.samples.words(), self.stream_words()]}
        answers = [asdict(field) | {"output": output.name} for field, output in self.fields]
        return {"input": given, "output": {"words": self.output_words(), "fields": answers}}


def contract(interface: Interface) -> Contract:
    """Returns the contract of a circuit."""
    network = interface.network
    of = {output.value: output for output in network.outputs}
    fields = tuple((field, of[field.value]) for field in interface.fields)
    return Contract(interface.name, samples(network), interface.input, interface.output, fields)
