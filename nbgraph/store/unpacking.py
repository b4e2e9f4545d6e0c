"""Unpacking: records from the bytes that `packing` made. What is read is data, and nothing of it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any, TypeVar

from msgspec.msgpack import Decoder, Ext
from msgspec.structs import astuple

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Taken, TaskError
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
    NodeRecord,
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
from nbgraph.core.usage import Budget
from nbgraph.errors import StoreDamaged
from nbgraph.store import codec, wire
from nbgraph.store.classes import Classes

_AS_THEY_ARE: dict[type, Any] = {  # records without values
    wire.Tried: Tried,
    wire.Failed: Failed,
    wire.Asked: Asked,
    wire.Answered: Answered,
    wire.Withdrawn: Withdrawn,
    wire.Moved: Moved,
    wire.Resumed: Resumed,
    wire.Renewed: Renewed,
}
_T = TypeVar("_T")
_W = TypeVar("_W")


class Unpacker:
    """Reads what a Packer wrote.

    Large values among the writes of a step become `Later`, all others are read at once. Nothing that is read is run.

    Args:
        load: gives the `raw` of a blob by its digest; it may raise StoreError.
        classes: those that values may be made of.

    Raises (everywhere):
        StoreDamaged: it is not what was written.
    """

    def __init__(self, load: Callable[[bytes], bytes], classes: Classes) -> None:
        self._load, self._classes = load, classes

    def entry(self, data: bytes) -> Entry:
        """An entry of the log."""
        return _read(_ENTRY, data, self._entry)

    def run(self, data: bytes) -> RunRecord:
        """The record of a run."""
        return _read(_RUN, data, self._run)

    def approval(self, data: bytes) -> Approval:
        """A question."""
        return _read(_APPROVAL, data, self._approval)

    def snapshot(self, data: bytes) -> Snapshot:
        """A snapshot."""
        return _read(_SNAPSHOT, data, self._snapshot)

    def _entry(self, form: wire.Entry) -> Entry:
        if type(form) is wire.Step:
            return self._step(form)
        if type(form) is wire.Begun:
            inputs, taken = self._values(form.inputs), _edges(form.taken, form.started, "")
            return Begun(form.within, inputs, taken, form.started, form.stamps, form.at)
        if type(form) is wire.Recorded:
            return Recorded(form.place, form.name, self._value(form.value))
        if type(form) is wire.ItemDone:
            return ItemDone(form.task, form.item, self._values(form.update))
        if type(form) is wire.ModelAnswered or type(form) is wire.ToolReturned:
            kind: Any = ModelAnswered if type(form) is wire.ModelAnswered else ToolReturned
            place, name, called, asked, came, *rest = astuple(form)
            return kind(place, name, called, self._value(asked), self._value(came), *rest)  # type: ignore[no-any-return]
        entry: Entry = _AS_THEY_ARE[type(form)](*astuple(form))
        return entry

    def _step(self, form: wire.Step) -> Step:
        place = form.place or wire.place(form.task)
        if place is None:
            raise StoreDamaged("a step is damaged: it is not said which node it was.")
        at, began, flags = form.at, form.began, form.flags
        return Step(
            form.number,
            form.task,
            *place,
            form.parents,
            tuple([(key, self._written(cell)) for key, cell in _cells(form.writes)]),
            _edges(form.taken, form.started, wire.local(place[0])) if form.taken else (),
            form.started,
            at,
            flags & wire.CACHED > 0,
            tuple([TaskError(*astuple(error)) for error in form.errors]) if form.errors else (),
            flags & wire.EDITED > 0,
            form.stamps,
            at if began is None else began,
            form.digest,
        )

    def _run(self, form: wire.RunRecord) -> RunRecord:
        id, graph, inputs, started_at, structure, *rest, budget = astuple(form)
        made = RunRecord(id, graph, self._values(inputs), started_at, _as_structure(structure), *rest)
        return made._replace(budget=budget and Budget(*budget))

    def _approval(self, form: wire.Approval) -> Approval:
        return Approval(
            form.id,
            form.run_id,
            form.node,
            form.visit,
            form.question,
            self._values(form.shown),
            form.options,
            self._values(form.editable),
            form.asked_at,
            form.digest,
            None if form.answer is None else self._answer(form.answer),
            tuple([self._field(field) for field in form.form]),
            form.within,
            form.deadline,
            form.otherwise,
        )

    def _answer(self, form: wire.Answer) -> Answer:
        return Answer(form.option, form.note, self._values(form.edit), form.by, form.at, self._values(form.form))

    def _field(self, form: wire.Field) -> Field:
        name, kind, type, required, default, choices, help, optional = astuple(form)
        read = self._value(choices)
        if not isinstance(read, tuple):
            raise StoreDamaged("a form is damaged: its choices are no choices.")
        return Field(name, kind, type, required, self._value(default), read, help, optional)

    def _snapshot(self, form: wire.Snapshot) -> Snapshot:
        return Snapshot(form.number, self._values(form.values), form.versions, self._value(form.rest))

    def _values(self, flat: list[Any]) -> dict[str, Any]:
        return {key: self._value(cell) for key, cell in _cells(flat)}

    def _value(self, cell: Any) -> Any:
        return codec.unpack(cell, self._classes) if type(cell) is bytes else self._fetch(_digest(cell))

    def _written(self, cell: Any) -> Any:
        if type(cell) is bytes:
            return codec.unpack(cell, self._classes)
        return Later(partial(self._fetch, _digest(cell)))

    def _fetch(self, digest: bytes) -> Any:
        raw = self._load(digest)
        if blake2b(raw, digest_size=wire.DIGEST).digest() != digest:
            raise StoreDamaged(f"a large value is damaged: it is not the one that was kept as {digest.hex()}.")
        return codec.unpack(raw, self._classes)


_ENTRY: Decoder[wire.Entry] = Decoder(wire.Entry)
_RUN = Decoder(wire.RunRecord)
_APPROVAL = Decoder(wire.Approval)
_SNAPSHOT = Decoder(wire.Snapshot)


_FORMAT = bytes([wire.FORMAT])


def _read(decoder: Decoder[_W], data: bytes, made: Callable[[_W], _T]) -> _T:
    if data[:1] != _FORMAT:
        known = f"this nbgraph reads the format {wire.FORMAT}"
        raise StoreDamaged(
            f"a record has the format {data[0]}, and {known}; a newer nbgraph may read it."
            if data
            else "a record is damaged: it is empty."
        )
    try:
        return made(decoder.decode(memoryview(data)[1:]))
    except (ValueError, RecursionError) as error:  # what msgspec raises, and UnicodeDecodeError
        raise StoreDamaged(f"a record is damaged: {error}.") from None


def _cells(flat: Any) -> Iterable[tuple[str, Any]]:
    """Keys and their packed values."""
    if type(flat) is not list or len(flat) % 2:
        raise StoreDamaged("a record is damaged: its values are no pairs.")
    keys = flat[::2]
    if any(type(key) is not str for key in keys):
        raise StoreDamaged("a record is damaged: a key is no text.")
    return zip(keys, flat[1::2], strict=True)


def _digest(cell: Any) -> bytes:
    if type(cell) is not Ext or cell.code != wire.APART or len(bytes(cell.data)) != wire.DIGEST:
        raise StoreDamaged("a record is damaged: a value in it is none.")
    return bytes(cell.data)


def _edges(taken: Sequence[wire.Taken], started: Sequence[str], own: str) -> tuple[Taken, ...]:
    return tuple(
        [
            Taken(each.edge, own if each.source is None else each.source, _target(each.target, started), each.reason)
            for each in taken
        ]
    )


def _target(target: int | str, started: Sequence[str]) -> str:
    if type(target) is str:
        return target
    if not 0 <= target < len(started):  # type: ignore[operator]
        raise StoreDamaged("a step is damaged: an edge leads to a task that was not started.")
    return started[target].rpartition("#")[0]  # type: ignore[index]


def _as_structure(form: wire.Structure) -> Structure:
    return Structure(
        form.name,
        form.edges,
        tuple([NodeRecord(*astuple(node)) for node in form.nodes]),
        form.reducers,
        {name: _as_structure(inner) for name, inner in form.inner.items()},
    )
