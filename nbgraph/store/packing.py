"""Packing: records to bytes and back; their form is in `wire`. Large values are put apart, as blobs.

A record is a byte with the format, then one array of msgpack.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from msgspec import Raw, Struct
from msgspec.msgpack import Encoder, Ext
from msgspec.structs import astuple

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Taken
from nbgraph.core.forms import Field
from nbgraph.core.records import (
    Answered,
    Asked,
    Begun,
    Entry,
    Failed,
    ItemDone,
    ModelAnswered,
    Moved,
    Recorded,
    Renewed,
    Resumed,
    RunRecord,
    Snapshot,
    Step,
    Structure,
    ToolReturned,
    Tried,
    Withdrawn,
)
from nbgraph.core.updates import Later
from nbgraph.errors import NotStorable
from nbgraph.store import codec, wire
from nbgraph.store.unpacking import Unpacker

__all__ = ["LARGE", "Blob", "PackedRecord", "Packer", "Unpacker"]

LARGE = 16 * 1024
"""Values that take more bytes than this are put apart."""

_AS_THEY_ARE: dict[type, Any] = {  # records without values
    Tried: wire.Tried,
    Failed: wire.Failed,
    Asked: wire.Asked,
    Answered: wire.Answered,
    Withdrawn: wire.Withdrawn,
    Moved: wire.Moved,
    Resumed: wire.Resumed,
    Renewed: wire.Renewed,
}
_FORMAT = bytes([wire.FORMAT])


class Blob(NamedTuple):
    """A large value: `digest` is the blake2b of `raw`, which is empty where the blob is stored already."""

    digest: bytes
    raw: bytes


class PackedRecord(NamedTuple):
    """A record, or the writes of a step, as bytes, and the blobs that they name."""

    data: bytes
    blobs: tuple[Blob, ...] = ()

    @property
    def size(self) -> int:
        """How many bytes it adds to a store."""
        return len(self.data) + sum([len(blob.raw) for blob in self.blobs])


class Packer:
    """Packs the records of one log. Two threads may use it.

    It remembers the large values that it has packed, so that a snapshot, which names them again, costs little. For that
    what `entry`, `run`, `approval` and `snapshot` return must be stored, in the order in which it was packed; where it
    is not, call `forget`. What `writes` returns counts once a step was packed with it.

    Raises (everywhere):
        NotStorable: a value cannot be kept; its path begins with the key.
    """

    def __init__(self) -> None:
        self._encode = Encoder().encode
        self._stored: dict[bytes, Any] = {}  # by digest, the object that was packed
        self._digests: dict[int, bytes] = {}  # by the identity of that object
        self._pending: dict[bytes, Any] = {}  # those of writes that no step was packed with yet

    def writes(self, writes: Iterable[tuple[str, Any]]) -> PackedRecord:
        """The writes of a step."""
        pack = codec.pack
        blobs: list[Blob] = []
        flat: list[Any] = []
        for key, value in writes:
            if type(value) is Later:
                value = value.value
            try:
                data = pack(value)
            except NotStorable as error:
                raise NotStorable(error.kind, key + error.path, error.why) from None
            flat += key, data if len(data) <= LARGE else self._apart(value, data, blobs)
        return PackedRecord(self._encoded(flat), tuple(blobs))

    def entry(self, entry: Entry, packed: PackedRecord | None = None) -> PackedRecord:
        """An entry of the log; `packed` are the writes of a step, where they were packed before."""
        if type(entry) is Step:
            packed = packed or self.writes(entry.writes)
            return self._whole(_step(entry, Raw(packed.data)), packed.blobs)
        blobs: list[Blob] = []
        return self._whole(self._form(entry, blobs), blobs)

    def run(self, run: RunRecord) -> PackedRecord:
        """The record of a run."""
        blobs: list[Blob] = []
        form = wire.RunRecord(
            run.id,
            run.graph,
            self._pairs(run.inputs, blobs),
            run.started_at,
            _structure(run.structure),
            run.limit,
            run.parallel,
            run.parent,
            run.parent_step,
            run.relation,
            run.budget and (run.budget.amount, run.budget.unit),
        )
        return self._whole(form, blobs)

    def approval(self, approval: Approval) -> PackedRecord:
        """A question, with its answer where it has one."""
        blobs: list[Blob] = []
        form = wire.Approval(
            approval.id,
            approval.run_id,
            approval.node,
            approval.visit,
            approval.question,
            self._pairs(approval.shown, blobs),
            approval.options,
            self._pairs(approval.editable, blobs),
            approval.asked_at,
            approval.digest,
            None if approval.answer is None else self._answer(approval.answer, blobs),
            tuple([self._field(field, blobs) for field in approval.form]),
            approval.within,
            approval.deadline,
            approval.otherwise,
        )
        return self._whole(form, blobs)

    def snapshot(self, snapshot: Snapshot) -> PackedRecord:
        """A snapshot. Large values that it does not name are remembered no longer."""
        blobs: list[Blob] = []
        flat: list[Any] = []
        for key, value in snapshot.values.items():
            flat += key, self._known(value, blobs) or self._value(key, value, blobs)
        form = wire.Snapshot(snapshot.number, flat, dict(snapshot.versions), self._value("", snapshot.rest, blobs))
        packed = self._whole(form, blobs)
        named = {blob.digest: self._stored[blob.digest] for blob in blobs if blob.digest in self._stored}
        self._stored, self._digests, self._pending = named, {id(value): key for key, value in named.items()}, {}
        return packed

    def forget(self) -> None:
        """Drop what it remembers: large values are given in full again."""
        self._stored, self._digests, self._pending = {}, {}, {}

    def _whole(self, form: Struct, blobs: Iterable[Blob]) -> PackedRecord:
        data = _FORMAT + self._encoded(form)
        for blob in blobs:
            if blob.raw:
                self._remember(blob.digest)
        return PackedRecord(data, tuple(blobs))

    def _encoded(self, form: Any) -> bytes:
        try:
            return self._encode(form)
        except (UnicodeEncodeError, TypeError):  # a message may hold half a character, or be of a class of its own
            return self._encode(_plain(form))

    def _remember(self, digest: bytes) -> None:
        value = self._pending.pop(digest, None)
        if value is not None:
            self._stored[digest], self._digests[id(value)] = value, digest

    def _value(self, path: str, value: Any, blobs: list[Blob]) -> bytes | Ext:
        if type(value) is Later:
            value = value.value
        try:
            data = codec.pack(value)
        except NotStorable as error:
            raise NotStorable(error.kind, path + error.path, error.why) from None
        return data if len(data) <= LARGE else self._apart(value, data, blobs)

    def _apart(self, value: Any, data: bytes, blobs: list[Blob]) -> Ext:
        digest = blake2b(data, digest_size=wire.DIGEST).digest()
        if digest in self._stored or digest in [blob.digest for blob in blobs]:
            data = b""
        else:
            self._pending[digest] = value
        blobs.append(Blob(digest, data))
        return Ext(wire.APART, digest)

    def _known(self, value: Any, blobs: list[Blob]) -> Ext | None:
        """What stands for a value that was packed before, as it was then."""
        digest = self._digests.get(id(value))
        if digest is None or self._stored.get(digest) is not value:  # another one may have come to the same address
            return None
        blobs.append(Blob(digest, b""))
        return Ext(wire.APART, digest)

    def _pairs(self, values: Mapping[str, Any], blobs: list[Blob]) -> list[Any]:
        flat: list[Any] = []
        for key, value in values.items():
            flat += key, self._value(key, value, blobs)
        return flat

    def _form(self, entry: Entry, blobs: list[Blob]) -> Struct:
        if type(entry) is Begun:
            inputs, taken = self._pairs(entry.inputs, blobs), _taken(entry.taken, entry.started, None)
            return wire.Begun(entry.within, inputs, taken, entry.started, entry.stamps, entry.at)
        if type(entry) is Recorded:
            return wire.Recorded(entry.place, entry.name, self._value("", entry.value, blobs))
        if type(entry) is ItemDone:
            return wire.ItemDone(entry.task, entry.item, self._pairs(entry.update, blobs))
        if type(entry) is ModelAnswered:
            asked, reply = (
                self._value("what was asked", entry.asked, blobs),
                self._value("the reply", entry.reply, blobs),
            )
            tokens, rest = (entry.input, entry.cached, entry.output), (entry.cost, entry.seconds, entry.at)
            return wire.ModelAnswered(entry.place, entry.name, entry.model, asked, reply, *tokens, *rest)
        if type(entry) is ToolReturned:
            given, came = self._value(entry.tool, entry.arguments, blobs), self._value(entry.tool, entry.result, blobs)
            rest = entry.failed, entry.seconds, entry.at
            return wire.ToolReturned(entry.place, entry.name, entry.tool, given, came, *rest)
        form: Struct = _AS_THEY_ARE[type(entry)](*entry)
        return form

    def _answer(self, answer: Answer, blobs: list[Blob]) -> wire.Answer:
        edit, form = self._pairs(answer.edit, blobs), self._pairs(answer.form, blobs)
        return wire.Answer(answer.option, answer.note, edit, answer.by, answer.at, form)

    def _field(self, field: Field, blobs: list[Blob]) -> wire.Field:
        default, choices = [self._value(field.name, value, blobs) for value in (field.default, field.choices)]
        return wire.Field(*field[:4], default, choices, field.help, field.optional)


def _step(step: Step, writes: Raw) -> wire.Step:
    task, node, at = step.task, step.node, step.at
    place = (node, step.visit)
    return wire.Step(
        step.number,
        task,
        step.parents,
        writes,
        _taken(step.taken, step.started, node) if step.taken else (),
        step.started,
        step.stamps,
        at,
        None if step.began == at else step.began,
        step.digest,
        (wire.CACHED if step.cached else 0) | (wire.EDITED if step.edited else 0),
        tuple([wire.TaskError(*error) for error in step.errors]) if step.errors else (),
        None if wire.place(task) == place else place,
    )


def _taken(taken: Sequence[Taken], started: Sequence[str], node: str | None) -> tuple[wire.Taken, ...]:
    own = None if node is None else wire.local(node)
    names = [id.rpartition("#")[0] for id in started]
    made = []
    for edge, source, target, reason in taken:
        to = names.index(target) if target in names else target
        made.append(wire.Taken(edge, to, reason, None if source == own else source))
    return tuple(made)


def _structure(structure: Structure) -> wire.Structure:
    return wire.Structure(
        structure.name,
        structure.edges,
        tuple([wire.NodeRecord(*node) for node in structure.nodes]),
        dict(structure.reducers),
        {name: _structure(inner) for name, inner in structure.inner.items()},
    )


def _plain(form: Any) -> Any:
    """The same with texts that can be written: half of a surrogate pair becomes its escape."""
    if isinstance(form, str):
        return str.encode(form, "utf-8", "backslashreplace").decode()
    if isinstance(form, Struct):
        return type(form)(*[_plain(each) for each in astuple(form)])
    if isinstance(form, tuple | list):
        return [_plain(each) for each in form]
    if isinstance(form, dict):
        return {_plain(key): _plain(value) for key, value in form.items()}
    return form
