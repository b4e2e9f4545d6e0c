"""Write the sample of the present schema: python -m tests.stores.samples.

A sample is a database as a version of the schema has it, as a text. Once a version is released its sample is never
written again, since it stands for what people have.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from tempfile import TemporaryDirectory

from nbgraph.store import owners, writer
from nbgraph.store.migrations import APPLICATION, VERSION
from nbgraph.store.sqlite import SqliteStore
from tests.stores.writing import ENTRIES, WHOLE_QUESTION, WHOLE_RUN, ask, let_go, question, record, step, write

SAMPLES = Path(__file__).parent
LARGE = ["many words"] * 5_000


def fill(store: SqliteStore) -> None:
    """A run of everything there is, and one with a large value and an open question."""
    log = store.create(WHOLE_RUN, ENTRIES[:3], [WHOLE_QUESTION])
    write(log, *ENTRIES[3:])
    let_go(store, log)
    log = store.create(record("s", 0.5), [step(1, text=LARGE)])
    ask(log, question("s/gate#1", "s"))
    let_go(store, log, "s")


def dump(path: str) -> str:
    """A database as a text that makes it anew."""
    with closing(connect(path)) as base:
        return "\n".join(
            [*base.iterdump(), f"PRAGMA application_id = {APPLICATION};", f"PRAGMA user_version = {VERSION};"]
        )


if __name__ == "__main__":
    target = SAMPLES / f"{VERSION:04}.sql"
    writer.this_process = lambda: owners.Process(1, "a-host", "a-machine", "1")  # nothing of this machine is in it
    with TemporaryDirectory() as folder:
        path = f"{folder}/runs.db"
        fill(SqliteStore(path))
        target.write_text(dump(path) + "\n", encoding="utf-8")
    sys.stdout.write(f"{target.name}: {target.stat().st_size:,} bytes\n")
