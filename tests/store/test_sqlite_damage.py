"""What is read from a database is what was written, or an error: never something else."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nbgraph.errors import NoSuchRun, StoreDamaged, StoreError
from nbgraph.store.rows import SPAN
from nbgraph.store.sqlite import SqliteStore
from tests.store.sqlite_writing import everything, filled, plain, record, step

Change = Callable[[sqlite3.Connection], Any]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that is never changed; the tests change copies of it."""
    path = tmp_path_factory.mktemp("sound") / "runs.db"
    filled(path)
    return path


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path / "copy.db"))


def changed(path: Path, change: Change | str) -> SqliteStore:
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(change) if isinstance(change, str) else change(base)
    return SqliteStore(path)


def outcome(path: Path) -> Any:
    try:
        return everything(SqliteStore(path))
    except StoreError:
        return None


def flipped(data: bytes, every: int, start: int) -> Iterator[bytes]:
    """The data with one byte changed: a bit of it, another one each time."""
    for place in range(start, len(data), every):
        other = bytearray(data)
        other[place] ^= 1 << (place // every % 8)
        yield bytes(other)


def check_flips(sound: Path, copy: Path, every: int, start: int = 0) -> None:
    truth, found = everything(SqliteStore(sound)), 0
    for data in flipped(sound.read_bytes(), every, start):
        copy.write_bytes(data)
        read = outcome(copy)
        assert read in (None, truth)
        found += read is None
    assert found


def test_a_flipped_bit_is_found(sound: Path, copy: Path) -> None:
    check_flips(sound, copy, 4900)


@pytest.mark.slow
@pytest.mark.parametrize("start", [0, 33, 66])
def test_a_flipped_bit_in_every_100th_byte_is_found(sound: Path, copy: Path, start: int) -> None:
    check_flips(sound, copy, 100, start)


@pytest.mark.parametrize("size", [0.1, 0.4, 0.7, 0.95])
def test_a_file_that_was_cut_off_is_found(copy: Path, size: float) -> None:
    data = copy.read_bytes()
    copy.write_bytes(data[: int(len(data) * size)])
    assert outcome(copy) is None


AT = f"(SELECT number FROM runs WHERE id = 'r') * {SPAN}"
CHANGES = {
    "two entries swapped": "UPDATE log SET record ="
    f" (SELECT record FROM log AS o WHERE o.place = 2 * {AT} + 21 - log.place) WHERE place IN ({AT} + 10, {AT} + 11)",
    "an entry gone": f"DELETE FROM log WHERE place = {AT} + 10",
    "the last entry gone": f"DELETE FROM log WHERE place = {AT} + 42",
    "an entry twice": f"INSERT INTO log SELECT {AT} + 43, record FROM log WHERE place = {AT} + 42",
    "an entry of another run": f"UPDATE log SET record = (SELECT record FROM log WHERE place = {2 * SPAN + 1})"
    f" WHERE place = {AT} + 1",
    "another status": "UPDATE runs SET status = 'done' WHERE id = 'r'",
    "another graph": "UPDATE runs SET graph = 'h' WHERE id = 'r'",
    "another parent": "UPDATE runs SET parent = 's' WHERE id = 'r'",
    "fewer entries": "UPDATE runs SET seq = seq - 1 WHERE id = 'r'",
    "two runs swapped": "UPDATE runs SET number = CASE number WHEN 1 THEN -2 ELSE 1 END",
    "a run gone": "DELETE FROM runs WHERE id = 's'",
    "another count of runs": "UPDATE counts SET count = 3",
    "a question gone": "DELETE FROM approvals WHERE id = 's/gate#3'",
    "an answered question opened": "UPDATE approvals SET state = 0 WHERE id = 's/gate#1'",
    "an open question closed": "UPDATE approvals SET state = 2 WHERE id = 's/gate#3'",
    "two questions swapped": "UPDATE approvals SET number = 10 - number",
    "a question of another run": "UPDATE approvals SET run = 1",
    "a large value gone": "DELETE FROM blobs",
    "another large value": "UPDATE blobs SET data = (SELECT data FROM blobs AS b WHERE b.digest != blobs.digest)",
    "a large value that expands": "UPDATE blobs SET size = size * 2",
    "a snapshot of another step": "UPDATE snapshots SET place = place - 1",
    "a snapshot gone": "DELETE FROM snapshots",
    "a snapshot of another length of the log": "UPDATE snapshots SET seq = seq - 1",
}


@pytest.mark.parametrize("name", CHANGES)
def test_rows_that_were_changed_swapped_or_removed_are_found(copy: Path, name: str) -> None:
    store = changed(copy, CHANGES[name])
    with pytest.raises((StoreDamaged, NoSuchRun)):
        everything(store)


def test_the_error_names_the_run_the_file_and_the_last_good_step(copy: Path) -> None:
    store = changed(copy, f"UPDATE log SET record = x'00112233445566' WHERE place = {AT} + 20")
    with pytest.raises(
        StoreDamaged, match=r"^r in the store .*copy\.db is damaged: its entry 20 .* step 19; fork"
    ) as caught:
        store.history("r")
    assert caught.value.last_good == 19


def test_damage_is_found_also_by_who_reads_on_from_an_entry(copy: Path) -> None:
    store = changed(copy, f"UPDATE log SET record = x'00112233445566' WHERE place = {AT} + 20")
    for after in (0, 18, 19, 20):
        with pytest.raises(StoreDamaged) as caught:
            store.history("r", after)
        assert caught.value.last_good == 19
    assert len(store.history("r", 21).entries) == 21


def test_other_runs_of_a_damaged_database_can_be_read(copy: Path) -> None:
    store = changed(copy, f"DELETE FROM log WHERE place = {AT} + 20")
    assert len(store.history("s").steps) == 2


@pytest.mark.parametrize(
    "change", [f"DELETE FROM log WHERE place = {AT} + 20", "UPDATE runs SET chain = 7, status = 'x'", "SELECT 1"]
)
def test_what_is_sound_of_a_run_is_salvaged(sound: Path, copy: Path, change: str) -> None:
    whole, salvaged = SqliteStore(sound).history("r"), changed(copy, change).salvage("r")
    assert salvaged.run == whole.run
    some = [plain(entry) for entry in salvaged.entries]
    assert some == [plain(entry) for entry in whole.entries][: len(some)]
    assert len(some) == (19 if "DELETE" in change else 42)


def test_a_step_whose_large_value_is_gone_is_not_salvaged(copy: Path) -> None:
    store = changed(copy, "DELETE FROM blobs WHERE size > 50000")
    assert [entry.number for entry in store.salvage("r").steps] == list(range(1, 41))


def test_of_a_run_whose_beginning_is_damaged_nothing_is_salvaged(copy: Path) -> None:
    store = changed(copy, f"DELETE FROM log WHERE place = {AT}")
    with pytest.raises(StoreDamaged, match="nothing of it can be read") as caught:
        store.history("r")
    assert caught.value.last_good is None


def test_a_damaged_run_can_be_deleted(copy: Path) -> None:
    store = changed(copy, "UPDATE runs SET chain = 7 WHERE id = 'r'")
    with pytest.raises(StoreDamaged, match="'r'"):
        store.runs()
    store.delete("r")
    assert [run.id for run in store.runs()] == ["s"]


def test_a_damaged_run_is_not_opened(copy: Path) -> None:
    store = changed(copy, "UPDATE runs SET chain = 7 WHERE id = 'r'")
    with pytest.raises(StoreDamaged, match="'r'"):
        store.open("r")


def test_a_large_value_never_expands_beyond_its_size(copy: Path) -> None:
    import zlib

    bomb = zlib.compress(bytes(20_000_000))
    store = changed(copy, lambda base: base.execute("UPDATE blobs SET data = ?", [bomb]))
    with pytest.raises(StoreDamaged):
        everything(store)


def test_what_another_process_wrote_over_an_entry_is_not_taken_for_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db", synchronous="NORMAL")
    log = store.create(record(), [step(1)])
    log.close()
    store.runs()
    other = SqliteStore(tmp_path / "other.db", synchronous="NORMAL")
    other.create(record(), [step(1, k="another")]).close()
    other.compact()
    with closing(sqlite3.connect(store.path)) as base, base:
        base.execute("ATTACH ? AS other", [other.path])
        base.execute("UPDATE log SET record = (SELECT record FROM other.log AS o WHERE o.place = log.place)")
    with pytest.raises(StoreDamaged):
        store.history("r")
