"""The stores that the suite is run against. A new one is one more class here, and passes all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from sqlite3 import connect
from typing import ClassVar, Protocol

from nbgraph.core.ports import Store
from nbgraph.store.memory import MemoryStore
from nbgraph.store.rows import RUN_COLUMNS, RunRow, checksum
from nbgraph.store.sqlite import SqliteStore


class Backend(Protocol):
    """How a store is made and reached again."""

    durable: ClassVar[bool]
    """Whether other processes reach it, by its address."""

    def new(self, folder: Path) -> Store:
        """An empty store; what it needs on disk is in `folder`."""
        ...

    def again(self, store: Store) -> Store:
        """The same data through an object that knows nothing but where it is."""
        ...

    def address(self, store: Store) -> str:
        """What `opened` of another process reaches it by."""
        ...

    def opened(self, address: str, lease: float = 30.0) -> Store:
        """The store at an address; after `lease` seconds a process that stands still has lost its runs."""
        ...

    def seize(self, store: Store, run_id: str) -> None:
        """Write what is written when another process takes the run, as it may once the lease of this one is over."""
        ...

    def unwritable(self, store: Store) -> AbstractContextManager[None]:
        """A while in which nothing can be added to the store."""
        ...


class Memory:
    """It has no more than the port asks for: nothing of it fails, and no process reaches another's."""

    durable = False

    def new(self, folder: Path) -> Store:
        return MemoryStore()

    def again(self, store: Store) -> Store:
        return store  # what it holds can be reached through nothing else

    def address(self, store: Store) -> str:
        raise NotImplementedError

    def opened(self, address: str, lease: float = 30.0) -> Store:
        raise NotImplementedError

    def seize(self, store: Store, run_id: str) -> None:
        raise NotImplementedError

    def unwritable(self, store: Store) -> AbstractContextManager[None]:
        raise NotImplementedError


class Sqlite:
    durable = True

    def new(self, folder: Path) -> Store:
        return self.opened(str(folder / "runs.db"))

    def again(self, store: Store) -> Store:
        return self.opened(self.address(store))

    def address(self, store: Store) -> str:
        return str(getattr(store, "path"))  # noqa: B009 (no part of the port)

    def opened(self, address: str, lease: float = 30.0) -> Store:
        return SqliteStore(
            address, synchronous="NORMAL", lease=lease
        )  # what FULL adds is seen by a power failure alone

    def seize(self, store: Store, run_id: str) -> None:
        with closing(connect(self.address(store))) as base, base:
            row = base.execute(f"SELECT {RUN_COLUMNS} FROM runs WHERE id = ?", [run_id]).fetchone()
            owner = base.execute("INSERT INTO owners VALUES (NULL, 7, 'elsewhere', '', '', 1e12, 0)").lastrowid
            mark = checksum((owner, 7, "elsewhere", "", "", 1e12))
            base.execute("UPDATE owners SET checksum = ? WHERE number = ?", [mark, owner])
            taken = RunRow(*row)._replace(owner=owner)
            taken = taken._replace(fence=taken.fence + 1)
            values = [taken.owner, taken.fence, checksum(taken), run_id]
            base.execute("UPDATE runs SET owner = ?, fence = ?, checksum = ? WHERE id = ?", values)

    @contextmanager
    def unwritable(self, store: Store) -> Iterator[None]:
        with closing(connect(self.address(store))) as base:
            names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            tables = [name for (name,) in base.execute(names)]
            for table in tables:
                base.execute(
                    f"CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'refused'); END"
                )
            yield
            for table in tables:
                base.execute(f"DROP TRIGGER refuse_{table}")


BACKENDS: dict[str, Backend] = {"memory": Memory(), "sqlite": Sqlite()}
DURABLE = [name for name, backend in BACKENDS.items() if backend.durable]
