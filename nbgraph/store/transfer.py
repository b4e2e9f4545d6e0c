"""Transfer: runs are copied, written to a file and read from it, and deleted when they are old; with any store.

The file is a head (magic, version, length of what is in it, checksum over all) and what zlib makes of the packed
records. Reading it runs no code.
"""

from __future__ import annotations

import os
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

from msgspec.msgpack import Decoder, encode

from nbgraph.core.events import ENDED, Status
from nbgraph.core.ports import History, RunSummary, Store
from nbgraph.core.records import Answered, Asked, Entry, Step, Withdrawn
from nbgraph.core.updates import Later
from nbgraph.errors import NoSuchRun, NotStorable, OwnedElsewhere, StoreDamaged, StoreError
from nbgraph.store.classes import KNOWN, Classes
from nbgraph.store.packing import PackedRecord, Packer, Unpacker

SUFFIX = ".nbrun"
VERSION = 1

_MAGIC = b"\x93nbrun\r\n"  # no text, and it shows when line ends were changed on the way
_HEAD = Struct(">8sHQ")  # magic, version, length
_CHECKSUM = 32
_FREE, _TIMES = 64 * 1024 * 1024, 200  # what a file may expand to: so much, or so many times its own size
_PAGE = 100
_Body = tuple[bytes, list[bytes], list[bytes], list[tuple[bytes, bytes]]]  # the run, its entries, its questions, blobs


# Copies


def copy(store: Store, run_id: str, new_id: str, to: Store | None = None) -> str:
    """Copy a run with its questions under `new_id`, into the store `to` where one is given; returns that id.

    Nobody owns the copy. Questions that are open are open in both.

    Raises:
        NoSuchRun: there is none with that id.
        ValueError: the new id is taken.
        NotStorable: `to` cannot keep a value of it.
    """
    return _created(to or store, store.history(run_id), new_id, "copy it under another one")


def _created(store: Store, history: History, id: str, otherwise: str) -> str:
    old = history.run.id
    entries = [_entry(entry, old, id) for entry in history.entries]
    approvals = [replace(approval, id=_place(approval.id, old, id), run_id=id) for approval in history.approvals]
    if _holds(store, id):
        raise ValueError(f"the store already holds a run {id!r}; {otherwise}.")
    store.create(history.run._replace(id=id), entries, approvals).close()
    return id


def _holds(store: Store, id: str) -> bool:
    if not id:
        raise ValueError("the id of a run cannot be empty.")
    try:
        store.run(id)
    except NoSuchRun:
        return False
    return True


def _entry(entry: Entry, old: str, new: str) -> Entry:
    if isinstance(entry, Asked | Answered | Withdrawn):
        return entry._replace(approval_id=_place(entry.approval_id, old, new))
    if isinstance(entry, Step):
        return entry._replace(writes=tuple([(key, _read(value)) for key, value in entry.writes]))
    return entry


def _read(value: Any) -> Any:
    """A value of a run that must not depend on where it came from."""
    return value.value if type(value) is Later else value


def _place(approval_id: str, old: str, new: str) -> str:
    """The id of a question in the run `new`: never that of another run's."""
    return f"{new}/{approval_id.removeprefix(f'{old}/')}"


# Files


def export(store: Store, run_id: str, path: str | os.PathLike[str]) -> Path:
    """Write a run with its questions to one file, in place of one that is there; returns its path, with the suffix.

    Raises:
        NoSuchRun: there is none with that id.
        NotStorable: a value of it cannot be kept in a file.
        StoreError: the file cannot be written.
    """
    target = Path(path)
    if target.suffix != SUFFIX:
        target = target.with_name(target.name + SUFFIX)
    content = _file(store.history(run_id))
    try:
        _write(target, content)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}.") from None
    return target


def import_run(store: Store, path: str | os.PathLike[str], id: str | None = None, *, classes: Classes = KNOWN) -> str:
    """Read a run from a file that `export` wrote; returns its id.

    Args:
        id: the id that it gets; its own by default.
        classes: those that values may be made of.

    Raises:
        ValueError: the id is taken.
        StoreError: the file cannot be read, or is none that `export` wrote.
        StoreDamaged: it is not as it was written.
    """
    history = _history(_body(path), classes)
    return _created(store, history, history.run.id if id is None else id, 'give another one, id="..."')


def _file(history: History) -> bytes:
    raw = encode(_packed(history))
    body = zlib.compress(raw)
    if len(raw) > _allowed(body):  # so that what was written can be read
        body = zlib.compress(raw, 0)
    head = _HEAD.pack(_MAGIC, VERSION, len(raw))
    return head + _checksum(head, body) + body


def _packed(history: History) -> _Body:
    packer = Packer()
    run = packer.run(history.run)
    entries = [_packed_entry(packer, entry) for entry in history.entries]
    approvals = [packer.approval(approval) for approval in history.approvals]
    blobs = {blob.digest: blob.raw for record in (run, *entries, *approvals) for blob in record.blobs if blob.raw}
    return run.data, [each.data for each in entries], [each.data for each in approvals], list(blobs.items())


def _packed_entry(packer: Packer, entry: Entry) -> PackedRecord:
    try:
        return packer.entry(entry)
    except NotStorable as error:
        raise error.of(entry.node) if isinstance(entry, Step) else error from None


def _history(body: _Body, classes: Classes) -> History:
    run, entries, approvals, blobs = body
    raws = dict(blobs)

    def load(digest: bytes) -> bytes:
        if digest not in raws:
            raise StoreDamaged("the file is damaged: a large value is missing.")
        return raws[digest]

    unpacker = Unpacker(load, classes)
    return History(
        unpacker.run(run),
        tuple([unpacker.entry(data) for data in entries]),
        tuple([unpacker.approval(data) for data in approvals]),
    )


_decoder: Decoder[_Body] = Decoder(_Body)


def _body(path: str | os.PathLike[str]) -> _Body:
    head, checksum, body = _parts(path)
    _, version, length = _HEAD.unpack(head)
    if version != VERSION:
        raise StoreError(f"{path} has the format {version}, this nbgraph reads {VERSION}; a newer nbgraph may read it.")
    if checksum != _checksum(head, body):
        raise StoreDamaged(f"{path} is damaged: its checksum is wrong. Copy the file again, or export the run again.")
    if length > _allowed(body):
        raise StoreDamaged(f"{path} is damaged: it would expand to {length:,} bytes.")
    try:
        return _decoder.decode(_expanded(body, length))
    except (zlib.error, ValueError, RecursionError) as error:
        raise StoreDamaged(f"{path} is damaged: {error}.") from None


def _parts(path: str | os.PathLike[str]) -> tuple[bytes, bytes, bytes]:
    """The head of a file, its checksum, and the rest, which is read only where the head is ours."""
    try:
        with open(path, "rb") as file:
            head, checksum = file.read(_HEAD.size), file.read(_CHECKSUM)
            if len(checksum) < _CHECKSUM or not head.startswith(_MAGIC):
                raise StoreError(f"{path} is no run that was exported: it does not begin as one.")
            return head, checksum, file.read()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None


def _expanded(body: bytes, length: int) -> bytes:
    stream = zlib.decompressobj()
    raw = stream.decompress(body, length + 1)
    if len(raw) != length or not stream.eof or stream.unused_data:
        raise ValueError("what is in it has another length")
    return raw


def _allowed(body: bytes) -> int:
    return max(_FREE, _TIMES * len(body))


def _checksum(head: bytes, body: bytes) -> bytes:
    made = blake2b(head, digest_size=_CHECKSUM)
    made.update(body)
    return made.digest()


def _write(target: Path, content: bytes) -> None:
    """Write a file as a whole or not at all, for its owner alone."""
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # its mode is 0600
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name of a file safe, where the system lets a folder be opened."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# Retention


class Pruned(NamedTuple):
    """The ids of the runs that were deleted, or would be, and how many bytes they took."""

    runs: tuple[str, ...]
    bytes: int

    def __repr__(self) -> str:
        return f"<{len(self.runs):,} runs, {self.bytes:,} bytes>"


def prune(
    store: Store,
    *,
    graph: str | None = None,
    older_than: float | None = None,
    keep: int | None = None,
    status: Iterable[Status] = ENDED,
    dry_run: bool = False,
) -> Pruned:
    """Delete runs that are over. A run stays if one of `older_than` and `keep` says so, or a living process has it.

    Runs that others were forked from can go: a fork holds its own past.

    Args:
        graph: only those of this graph; None for all.
        older_than: seconds since anything happened in them.
        keep: how many of each graph stay, those that started last; 0 for none.
        status: only those that stand so.
        dry_run: True deletes nothing, and tells what would go.

    Raises:
        ValueError: neither `older_than` nor `keep` is given, or one is below 0.
    """
    if older_than is None and keep is None:
        raise ValueError(
            "prune needs older_than= (seconds) or keep= (a number of runs); keep=0 deletes all that are over."
        )
    if min(older_than or 0, keep or 0) < 0:
        raise ValueError("older_than and keep are 0 or more.")
    before = time.time() - (older_than or 0)
    found = list(_beyond(_pages(store, graph, tuple(status)), keep or 0))
    past = [run for run in found if run.changed_at <= before and not (run.owner and run.owner.alive)]
    gone = [run for run in past if dry_run or _deleted(store, run.id)]
    return Pruned(tuple([run.id for run in gone]), sum([run.bytes for run in gone]))


def _beyond(runs: Iterable[RunSummary], keep: int) -> Iterator[RunSummary]:
    """The runs but for the first `keep` of each graph."""
    seen: dict[str, int] = {}
    for run in runs:
        seen[run.graph] = seen.get(run.graph, 0) + 1
        if seen[run.graph] > keep:
            yield run


def _pages(store: Store, graph: str | None, status: tuple[Status, ...]) -> Iterator[RunSummary]:
    """All runs, those that started last first."""
    before, size = None, _PAGE
    while True:
        page = store.runs(graph, status, size, before)
        if len(page) < size:
            yield from page
            return
        last = page[-1].started_at
        whole = [run for run in page if run.started_at > last]  # more may have started just then
        yield from whole
        before, size = (whole[-1].started_at, _PAGE) if whole else (before, size * 2)


def _deleted(store: Store, run_id: str) -> bool:
    """Whether the run could be deleted: somebody may just have taken it, or deleted it."""
    try:
        store.delete(run_id)
    except (OwnedElsewhere, NoSuchRun):
        return False
    return True
