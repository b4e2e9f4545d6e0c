"""Blobs: large values in the database, each once by its content, compressed where that helps."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping

from nbgraph.errors import StoreDamaged
from nbgraph.store.packing import Blob
from nbgraph.store.rows import MOST

_SAMPLE = 64 * 1024
_HELPS = 0.9  # a value is kept as it is where compression leaves more than this of it


def compressed(raw: bytes) -> bytes:
    """The value, compressed where that makes it shorter; a sample tells whether it is tried."""
    if len(raw) > _SAMPLE and len(zlib.compress(raw[:_SAMPLE], 1)) > _HELPS * _SAMPLE:
        return raw
    made = zlib.compress(raw, 1)
    return made if len(made) < _HELPS * len(raw) else raw


def expanded(data: bytes, size: int) -> bytes:
    """The value of `size` bytes; it never becomes longer than that, whatever the data says."""
    if type(data) is not bytes or type(size) is not int or not 0 <= size <= MOST:
        raise StoreDamaged("a large value is damaged: its size makes no sense.")
    if len(data) == size:
        return data
    expander = zlib.decompressobj()
    try:
        raw = expander.decompress(data, size or 1)
    except zlib.error as error:
        raise StoreDamaged(f"a large value is damaged: {error}.") from None
    if len(raw) != size:
        raise StoreDamaged("a large value is damaged: it has another size than was written.")
    return raw


def write_blobs(
    connection: sqlite3.Connection, run: int, blobs: Iterable[Blob], missing: Mapping[bytes, bytes] = {}
) -> int:
    """Keep the values that a run names; the bytes that it took.

    Args:
        missing: values by digest that a blob without one may stand for.

    Raises:
        StoreDamaged: a value is named that was never given.
    """
    took = 0
    for digest, raw in blobs:
        raw = raw or missing.get(digest, b"")
        if raw:
            took += _write(connection, digest, raw)
        elif connection.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).fetchone() is None:
            raise StoreDamaged(f"the large value {digest.hex()} is gone from the store.")
        connection.execute("INSERT OR IGNORE INTO blob_uses VALUES (?, ?)", (run, digest))
    return took


def _write(connection: sqlite3.Connection, digest: bytes, raw: bytes) -> int:
    if connection.execute("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).fetchone():
        return 0
    data = compressed(raw)
    connection.execute("INSERT INTO blobs VALUES (?, ?, ?)", (digest, len(raw), data))
    return len(data)


def loader(connection: sqlite3.Connection) -> Callable[[bytes], bytes]:
    """What reads a value by its digest."""

    def load(digest: bytes) -> bytes:
        row = connection.execute("SELECT data, size FROM blobs WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise StoreDamaged(f"the large value {digest.hex()} is gone from the store.")
        return expanded(*row)

    return load


def drop_blobs(connection: sqlite3.Connection, run: int) -> None:
    """Forget the values that this run alone uses."""
    connection.execute(
        "DELETE FROM blobs WHERE digest IN (SELECT digest FROM blob_uses WHERE run = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM blob_uses WHERE digest = blobs.digest AND run != ?1)",
        (run,),
    )
    connection.execute("DELETE FROM blob_uses WHERE run = ?", (run,))
