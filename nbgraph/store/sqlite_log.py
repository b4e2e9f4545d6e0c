"""The log of a run in a database: encoded on the run's loop, written by the thread of the file."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import cast

from nbgraph.core.approvals import Approval
from nbgraph.core.ports import Packed
from nbgraph.core.records import Asked, Entry, Snapshot, Withdrawn
from nbgraph.core.views import Writes
from nbgraph.errors import OwnedElsewhere
from nbgraph.store.commits import Held, Item
from nbgraph.store.packing import PackedRecord
from nbgraph.store.rows import Standing, root
from nbgraph.store.writer import Close, Snap, Writer

NOTED = 0.01  # seconds that what nobody waits for may wait for what somebody does
SMALLEST = 64 * 1024  # bytes of the log that are worth a snapshot


class SqliteLog:
    """See `ports.Log`. Not made by itself: `SqliteStore.create` and `open` give it."""

    lost: Callable[[Exception], None] | None = None
    answered: Callable[[Approval], None] | None = None

    def __init__(self, writer: Writer, held: Held) -> None:
        held.log = weakref.ref(self)  # the writer keeps no log: one that nobody has is let go
        self._writer, self._held, self._packer = writer, held, held.packer
        self._standing, self._root = Standing.of(held.row), root("log", held.run_id)
        self._closed = self._timed = self._snapping = False
        self._since, self._due = 0, SMALLEST  # bytes of the log since the last snapshot, and those that call for one

    def pack(self, writes: Writes) -> Packed | None:
        """The writes of a step, encoded; NotStorable where one cannot be kept."""
        return cast(Packed, self._packer.writes(writes))

    def note(self, entry: Entry) -> None:
        """Keep an entry soon, with the next one that somebody waits for, or after a moment."""
        item = self._item(entry, None)
        if type(entry) is Withdrawn:
            item.withdraws = entry.approval_id
        self._writer.put(item)
        self._soon()

    async def keep(self, entry: Entry, packed: Packed | None = None) -> None:
        """Keep an entry; when this returns it is committed."""
        item = self._item(entry, cast("PackedRecord | None", packed))
        item.future = asyncio.get_running_loop().create_future()
        self._writer.put(item)
        self._writer.wake()
        await item.future

    async def ask(self, approval: Approval) -> None:
        """Keep an open question; where just this one has been answered already, that stays, and is told."""
        self._check()
        packed = self._packer.approval(approval)
        item = self._item(Asked(approval.id, approval.asked_at), None)
        item.approval = approval, packed
        loop = asyncio.get_running_loop()
        item.future = loop.create_future()
        self._writer.put(item)
        self._writer.wake()
        found = await item.future
        if found is not None and self.answered is not None:
            loop.call_soon(self.answered, found)  # once who asks waits for it

    def snapshot(self, make: Callable[[], Snapshot | None]) -> None:
        """Take a snapshot once the log has grown by more than 64 KB and by twice what the last one took."""
        if self._since <= self._due or self._snapping or self._closed:
            return
        made = make()
        if made is None:
            return
        self._snapping, self._since = True, 0
        self._writer.put(Snap(self._held, made, self._standing.seq, self._snapped))
        self._soon()

    def close(self) -> None:
        """Let the run go once what was noted is written. It only queues that, so it may be called from anywhere."""
        if not self._closed:
            self._closed = True
            self._writer.put(Close(self._held))
            self._writer.wake()

    def _snapped(self, took: int) -> None:
        self._due, self._snapping = max(SMALLEST, 2 * took), False

    def _item(self, entry: Entry, packed: PackedRecord | None) -> Item:
        self._check()
        record = self._packer.entry(entry, packed)
        standing = self._standing
        standing.take(entry)
        data = standing.add(self._root, record.data)
        self._since += record.size
        return Item(self._held, standing.seq, data, record.blobs, standing.columns())

    def _check(self) -> None:
        if self._held.gone is not None:
            raise self._held.gone
        if self._closed:
            process = self._writer.process
            raise OwnedElsewhere(self._held.run_id, process.pid, process.host, self._held.row.since)

    def _soon(self) -> None:
        if self._timed:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # nobody will come by; now is soon enough
            self._writer.wake()
            return
        self._timed = True
        loop.call_later(NOTED, self._due_now)

    def _due_now(self) -> None:
        self._timed = False
        self._writer.wake()
