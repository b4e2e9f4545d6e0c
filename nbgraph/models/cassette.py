"""Cassettes: recordings of what endpoints answered, in a file beside the notebook, which are replayed without them.

A cassette is JSON that people can read and compare: a list of exchanges, each the body of a request and the events of
its answer. Keys are taken out of both, and no headers are kept. Only answers that came to their end are kept.

A request finds its recording by its body, whatever the order of its keys and whichever model it names, so that another
NBGRAPH_MODEL does no harm. The same request made several times gets its recordings in order, then the last one again.

A request that is recorded again, in another program or after `configure(cassette=...)`, takes the place of what was
recorded for it before; other recordings stay. To begin anew, delete the file. Many runs of one program may record at
once, and so may several programs, where the system can lock a folder.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbgraph.errors import ModelError
from nbgraph.models.cassette_lock import alone
from nbgraph.models.cassette_search import nearest
from nbgraph.models.cassette_text import Damaged, Exchange, read, written
from nbgraph.models.redaction import redacted_data

ELSE = (
    "NBGRAPH_CASSETTE=record in the environment asks the endpoint and records its answer, NBGRAPH_CASSETTE=off asks it "
    "and records nothing."
)


class Cassette:
    """The recording in the file at `path`, which is read when it is needed and has changed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._exchanges: list[tuple[str, Exchange]] = []  # each under the key of its request
        self._version: tuple[int, ...] | None = None  # of the file as it was read
        self._asked = Counter[str]()
        self._recorded: set[str] = set()

    @property
    def name(self) -> str:
        """The path as messages show it."""
        try:
            near = os.path.relpath(self.path)
        except (OSError, ValueError):  # the working directory is gone, or on another drive
            return self.path
        return self.path if near.startswith("..") else near

    def rewind(self) -> None:
        """Replay from the beginning; what is recorded from now on takes the place of what is there."""
        with self._lock:
            self._asked.clear()
            self._recorded.clear()

    def answer(self, body: Mapping[str, Any]) -> Exchange:
        """What is recorded for a request with this body.

        Raises:
            ModelError: nothing is, or the file is not there or cannot be read.
        """
        body = redacted_data(body)
        key = _key(body)
        with self._lock:
            if not self._load():
                raise ModelError(f"the cassette {self.name} is not there yet; {ELSE}")
            found = [exchange for other, exchange in self._exchanges if other == key]
            if not found:
                raise ModelError(self._unknown(body))
            number = min(self._asked[key], len(found) - 1)
            self._asked[key] += 1
            return found[number]

    def check(self) -> None:
        """Raise ModelError where nothing could be recorded, before something is paid for."""
        with self._lock:
            self._load()
            if not os.path.isdir(os.path.dirname(self.path)):
                raise ModelError(f"the cassette {self.name} cannot be written: its folder is not there.")

    def record(self, exchange: Exchange) -> None:
        """Write an exchange, from which keys have been taken out.

        Raises:
            ModelError: the file cannot be written.
        """
        key = _key(exchange.body)
        with self._lock, alone(os.path.dirname(self.path)):
            self._load()
            kept, place = self._exchanges, len(self._exchanges)
            if key not in self._recorded:
                place = next((number for number, (other, _) in enumerate(kept) if other == key), place)
                kept = [each for each in kept if each[0] != key]
            self._write([*kept[:place], (key, exchange), *kept[place:]])
            self._recorded.add(key)

    def _load(self) -> bool:
        """Whether there is a file; it is read where it is another one than before."""
        try:
            version = _version(self.path)
            if version != self._version:
                exchanges = read(Path(self.path).read_text(encoding="utf-8"))
                self._exchanges = [(_key(exchange.body), exchange) for exchange in exchanges]
                self._version = version
        except FileNotFoundError:
            self._exchanges, self._version = [], None
            return False
        except (OSError, UnicodeDecodeError, Damaged) as error:
            raise ModelError(
                f"the cassette {self.name} cannot be read: {error}. Restore it, or delete it and record it again."
            ) from None
        return True

    def _write(self, exchanges: list[tuple[str, Exchange]]) -> None:
        beside = f"{self.path}.{os.getpid()}.new"
        try:
            Path(beside).write_text(written([exchange for _, exchange in exchanges]), encoding="utf-8", newline="\n")
            os.replace(beside, self.path)
            self._exchanges, self._version = exchanges, _version(self.path)
        except OSError as error:
            Path(beside).unlink(missing_ok=True)
            raise ModelError(f"the cassette {self.name} cannot be written: {error.strerror or error}.") from None

    def _unknown(self, body: Mapping[str, Any]) -> str:
        says = f"the cassette {self.name} has no answer to this request"
        if not self._exchanges:
            return f"{says}, since it is empty; {ELSE}"
        found = nearest(_compared(body), [_compared(exchange.body) for _, exchange in self._exchanges])
        return (
            f"{says}. The nearest, its request {found.number + 1}, differs at {found.path}: recorded is "
            f"{found.recorded}, asked was {found.now}. {ELSE}"
        )


_lock = threading.Lock()
_all: dict[str, Cassette] = {}


def cassette_at(path: str) -> Cassette:
    """The one cassette of this program for a path."""
    with _lock:
        return _all.setdefault(path, Cassette(path))


def rewind(path: str) -> None:
    """Replay the cassette at `path` from the beginning."""
    cassette_at(path).rewind()


def _key(body: Mapping[str, Any]) -> str:
    return json.dumps(_compared(body), sort_keys=True)


def _compared(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "model"}


def _version(path: str) -> tuple[int, ...]:
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino
