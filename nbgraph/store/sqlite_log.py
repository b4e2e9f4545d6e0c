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
from nbgraph.errors import OwnedElsewhere, StoreError
from nbgraph.store.commits import Held, Item
from nbgraph.store.packing import PackedRecord
from nbgraph.store.queued import Close, Snap
from nbgraph.store.rows import Standing, root
from nbgraph.store.writer import Writer

SMALLEST = 64 * 1024  # bytes of the log that are worth a snapshot


class SqliteLog:
    """See `ports.Log`. Not made by itself: `SqliteStore.create` and `open` give it."""

    lost: Callable[[Exception], None] | None = None
    answered: Callable[[Approval], None] | None = None

    def __init__(self, writer: Writer, held: Held) -> None:
        held.log = weakref.ref(self)  # the writer keeps no log: one that nobody has is let go
        self._writer, self._held, self._packer = writer, held, held.packer
        self._standing, self._root = Standing.of(held.row), root("log", held.run_id)
        self._failed: dict[int, tuple[Entry, Item]] = {}  # what may be given again, by its identity
        self._closed = self._snapping = False
        self._since, self._due = 0, SMALLEST  # bytes of the log since the last snapshot, and those that call for one

    def pack(self, writes: Writes) -> Packed | None:
        """The writes of a step, encoded; NotStorable where one cannot be kept."""
        return cast(Packed, self._packer.writes(writes))

    def note(self, entry: Entry) -> None:
        """Keep an entry soon, with the next one that somebody waits for, or after a moment."""
        self._writer.put_soon(self._item(entry, None))

    async def keep(self, entry: Entry, packed: Packed | None = None) -> None:
        """Keep an entry; when this returns it is committed. One that failed before and is given again is kept once."""
        _, item = self._failed.pop(id(entry), (None, None)) if self._failed else (None, None)
        if item is None:
            item = self._item(entry, cast("PackedRecord | None", packed))
        try:
            await self._written(item)
        except StoreError:
            self._failed[id(entry)] = entry, item
            raise

    async def ask(self, approval: Approval) -> None:
        """Keep an open question; where just this one has been answered already, that stays, and is told."""
        self._check()
        packed = self._packer.approval(approval)
        item = self._item(Asked(approval.id, approval.asked_at), None)
        item.approval = approval, packed
        found = await self._written(item)
        if found is not None and self.answered is not None:
            asyncio.get_running_loop().call_soon(self.answered, found)  # once who asks waits for it

    async def _written(self, item: Item) -> Approval | None:
        self._check()
        future: asyncio.Future[Approval | None] = asyncio.get_running_loop().create_future()
        item.future = future
        self._writer.put(item)
        return await future

    def snapshot(self, make: Callable[[], Snapshot | None]) -> None:
        """Take a snapshot once the log has grown by more than 64 KB and by twice what the last one took."""
        if self._since <= self._due or self._snapping or self._closed:
            return
        made = make()
        if made is None:
            return
        self._snapping, self._since = True, 0
        self._writer.put_soon(Snap(self._held, made, self._standing.seq, self._snapped))

    def close(self) -> None:
        """Let the run go once what was noted is written. It only queues that, so it may be called from anywhere."""
        if not self._closed:
            self._closed = True
            self._writer.put(Close(self._held))

    def _snapped(self, took: int) -> None:
        self._due, self._snapping = max(SMALLEST, 2 * took), False

    def _item(self, entry: Entry, packed: PackedRecord | None) -> Item:
        self._check()
        record = self._packer.entry(entry, packed)
        standing = self._standing
        standing.take(entry)
        data = standing.add(self._root, record.data)
        self._since += record.size
        item = Item(self._held, standing.seq, data, record.blobs, standing.columns())
        if type(entry) is Withdrawn:
            item.withdraws = entry.approval_id
        return item

    def _check(self) -> None:
        if self._held.gone is not None:
            raise self._held.gone
        if self._closed:
            process = self._writer.lease.process
            raise OwnedElsewhere(self._held.run_id, process.pid, process.host, self._held.row.since)
