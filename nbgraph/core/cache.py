"""The cache: what nodes returned, to be used again while their code and what they read are the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from nbgraph.core.copies import own_copy

LARGEST = 10_000  # results; the one not used for longest goes first

Update = Mapping[str, Any]


class Cache:
    """The results of one graph's nodes, in memory; any thread may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._results: OrderedDict[str, tuple[float, Update]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._results)

    def clear(self) -> int:
        """Forget all results; how many there were."""
        with self._lock:
            count = len(self._results)
            self._results.clear()
            return count

    def find(self, key: str, ttl: float | None, now: float) -> Update | None:
        """The update kept under `key`, if it is not older than `ttl` seconds; a copy of its own."""
        with self._lock:
            at, update = self._results.get(key, (0.0, None))
            if update is None or (ttl is not None and now - at > ttl):
                return None
            self._results.move_to_end(key)
        return {name: own_copy(value) for name, value in update.items()}

    def keep(self, key: str, update: Update, now: float) -> None:
        """Keep an update as it is now."""
        with self._lock:
            self._results[key] = now, {name: own_copy(value) for name, value in update.items()}
            while len(self._results) > LARGEST:
                self._results.popitem(last=False)
