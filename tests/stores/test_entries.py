"""What is written to a log is read as it was written, in the order of writing, each entry once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from nbgraph.core.events import Status
from nbgraph.core.ports import Store
from nbgraph.core.records import Asked, Moved, Recorded, Snapshot, Tried
from nbgraph.errors import NoSuchRun
from tests.stores.writing import (
    ENTRIES,
    WHOLE_QUESTION,
    WHOLE_RUN,
    ask,
    exact,
    let_go,
    made,
    moved,
    note,
    question,
    read,
    record,
    step,
    write,
)

Again = Callable[[Store], Store]


def test_every_kind_of_entry_is_read_as_it_was_written(store: Store, reopened: Again) -> None:
    log = store.create(WHOLE_RUN)
    write(log, *ENTRIES)
    assert exact(read(reopened(store))) == exact(list(ENTRIES))


def test_what_was_noted_is_kept_before_what_is_kept_next(store: Store, reopened: Again) -> None:
    log = store.create(WHOLE_RUN)
    note(log, *ENTRIES[:-1])
    write(log, ENTRIES[-1])
    assert exact(read(reopened(store))) == exact(list(ENTRIES))


def test_what_was_noted_is_kept_before_the_run_is_let_go(store: Store, reopened: Again) -> None:
    log = store.create(WHOLE_RUN)
    note(log, *ENTRIES)
    let_go(store, log)
    assert exact(read(reopened(store))) == exact(list(ENTRIES))


def test_a_run_is_created_with_its_past(store: Store, reopened: Again) -> None:
    store.create(WHOLE_RUN, iter(ENTRIES), iter([WHOLE_QUESTION]))
    history = reopened(store).history("r")
    assert exact(read(reopened(store))) == exact(list(ENTRIES))
    assert exact((history.run, history.approvals)) == exact((WHOLE_RUN, (WHOLE_QUESTION,)))


def test_what_follows_the_past_comes_after_it(store: Store, reopened: Again) -> None:
    log = store.create(record(), [step(1), step(2)])
    write(log, step(3))
    assert read(reopened(store)) == [step(1), step(2), step(3)]


def test_a_new_run_has_no_log_and_no_questions(store: Store, reopened: Again) -> None:
    store.create(record())
    assert reopened(store).history("r") == (record(), (), ())


def test_entries_come_in_the_order_of_writing_though_the_clock_goes_backwards(store: Store, reopened: Again) -> None:
    times = [50.0, 20.0, 90.0, -1.0, 20.0, 0.0]
    entries = [step(number, at) for number, at in enumerate(times, 1)]
    write(store.create(record()), *entries)
    assert read(reopened(store)) == entries


def test_the_status_is_the_one_written_last_though_its_clock_is_earlier(store: Store, reopened: Again) -> None:
    write(store.create(record()), moved(Status.WAITING, 90.0, "gate"), moved(Status.DONE, 20.0))
    summary = reopened(store).run("r")
    assert (summary.status, summary.waiting, summary.changed_at) == (Status.DONE, (), 20.0)


def test_runs_do_not_see_each_other(store: Store, reopened: Again) -> None:
    logs = {run_id: store.create(record(run_id)) for run_id in ("r", "s", "r2")}
    for number in (1, 2, 3):
        for place, log in enumerate(logs.values()):
            write(log, step(number, place))
    for place, run_id in enumerate(logs):
        assert read(reopened(store), run_id) == [step(number, place) for number in (1, 2, 3)]


def test_an_id_is_only_itself(store: Store, reopened: Again) -> None:
    run_ids = ["r", "R", "r ", "r/1", "r%", "r_", "é", "e\u0301", "'; --", "\N{DUCK}"]
    for number, run_id in enumerate(run_ids):
        write(store.create(record(run_id)), step(number))
    for number, run_id in enumerate(run_ids):
        assert read(reopened(store), run_id) == [step(number)]
        assert reopened(store).run(run_id).id == run_id


def test_the_log_is_read_on_from_where_one_was(store: Store, reopened: Again) -> None:
    write(store.create(WHOLE_RUN), *ENTRIES)
    for after in range(len(ENTRIES) + 2):
        assert exact(read(reopened(store), after=after)) == exact(list(ENTRIES[after:]))


def test_all_counts_in_what_one_reads_on_from(store: Store, reopened: Again) -> None:
    log = store.create(record(), [step(1)])
    ask(log, question())
    note(log, Tried("a#2", 1, "no", 1.0))
    write(log, step(2))
    assert read(reopened(store), after=1) == [Asked("r/gate#1", 3.5), Tried("a#2", 1, "no", 1.0), step(2)]
    assert read(reopened(store), after=3) == [step(2)]


def test_what_was_read_does_not_change(store: Store) -> None:
    log = store.create(record())
    before = store.history("r")
    write(log, step(1))
    assert before.entries == ()


def test_a_history_knows_its_steps(store: Store) -> None:
    made(store, WHOLE_RUN, ENTRIES)
    assert [entry.number for entry in store.history("r").steps] == [1, 2, 3]


def test_the_same_entry_twice_is_two_entries(store: Store, reopened: Again) -> None:
    write(store.create(record()), step(1), step(1))
    assert read(reopened(store)) == [step(1), step(1)]


def test_entries_of_several_tasks_keep_the_order_in_which_they_were_given(store: Store, reopened: Again) -> None:
    log, given = store.create(record()), list[int]()

    async def one(lane: int) -> None:
        for count in range(10):
            number = lane * 10 + count
            given.append(number)
            await log.keep(step(number), log.pack((("k", number),)))

    async def all_lanes() -> None:
        await asyncio.gather(*(one(lane) for lane in range(5)))

    asyncio.run(all_lanes())
    assert [entry.number for entry in reopened(store).history("r").steps] == given


def test_a_waiter_that_gives_up_leaves_its_entry_in_the_log(store: Store, reopened: Again) -> None:
    log = store.create(record())

    async def give_up() -> None:
        first = asyncio.ensure_future(log.keep(step(1)))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await log.keep(step(2))

    asyncio.run(give_up())
    assert read(reopened(store)) == [step(1), step(2)]


def test_a_step_is_kept_without_having_been_packed(store: Store, reopened: Again) -> None:
    log = store.create(record())
    asyncio.run(log.keep(step(1, k=[1, (2,)])))
    assert exact(read(reopened(store))) == exact([step(1, k=[1, (2,)])])


def test_a_long_log_comes_back_whole(store: Store, reopened: Again) -> None:
    entries = [Recorded(f"a#{number}/step1", "call", number) for number in range(2_000)]
    log = store.create(record())
    note(log, *entries[:-1])
    write(log, entries[-1])
    assert read(reopened(store)) == entries
    assert read(reopened(store), after=1_990) == entries[1_990:]


def test_a_large_value_written_again_and_again_comes_back_each_time(store: Store, reopened: Again) -> None:
    large = ["many words"] * 20_000
    write(store.create(record()), step(1, text=large), step(2, text=large), step(3, text=[*large, "more"]))
    texts = [entry.update["text"] for entry in reopened(store).history("r").steps]
    assert texts == [large, large, [*large, "more"]]


def test_two_runs_with_the_same_large_value_both_have_it(store: Store, reopened: Again) -> None:
    large = "many words" * 20_000
    made(store, record("r"), [step(1, text=large)])
    made(store, record("s"), [step(1, text=large)])
    store.delete("r")
    store.compact()
    assert reopened(store).history("s").steps[0].update == {"text": large}


@pytest.mark.parametrize("ask_for", ["history", "run", "open", "delete", "snapshot"])
def test_a_run_that_is_not_there_is_named(store: Store, ask_for: str) -> None:
    made(store, record("r"))
    rest = (0,) if ask_for == "snapshot" else ()
    with pytest.raises(NoSuchRun, match="no run 'nowhere'"):
        getattr(store, ask_for)("nowhere", *rest)


# Snapshots


def snapshots_of(store: Store, steps: int) -> None:
    """A run with so many steps, each of which offers a snapshot."""
    log = store.create(record())

    async def run() -> None:
        for number in range(1, steps + 1):
            log.note(Recorded(f"a#{number}/step1", "call", None))
            await log.keep(step(number))
            log.snapshot(
                lambda number=number: Snapshot(number, {"k": number}, {"k": number}, {"visits": {"a": number}})
            )

    asyncio.run(run())
    let_go(store, log)


def test_a_run_without_snapshots_has_none(store: Store) -> None:
    made(store, record(), [step(1)])
    assert store.snapshot("r", 1) is None


def test_a_snapshot_is_of_the_step_that_it_says_and_knows_where_the_log_was(store: Store, reopened: Again) -> None:
    snapshots_of(store, 1_200)
    taken = reopened(store).snapshot("r", 1_200)
    assert taken is not None
    snapshot, count = taken
    number = snapshot.number
    assert exact(snapshot) == exact(Snapshot(number, {"k": number}, {"k": number}, {"visits": {"a": number}}))
    assert count == 2 * number
    assert read(reopened(store), after=count)[:1] == (
        [] if number == 1_200 else [Recorded(f"a#{number + 1}/step1", "call", None)]
    )


def test_the_snapshot_of_a_step_is_never_of_a_later_one(store: Store, reopened: Again) -> None:
    snapshots_of(store, 1_200)
    latest = reopened(store).snapshot("r", 1_200)
    assert latest is not None
    before = reopened(store).snapshot("r", latest[0].number - 1)
    assert before is None or before[0].number < latest[0].number
    assert reopened(store).snapshot("r", latest[0].number) == latest
    assert reopened(store).snapshot("r", 0) is None


def test_where_no_snapshot_can_be_made_there_is_none(store: Store) -> None:
    log = store.create(record())

    async def run() -> None:
        for number in range(1, 601):
            await log.keep(step(number))
            log.snapshot(lambda: None)

    asyncio.run(run())
    let_go(store, log)
    assert store.snapshot("r", 600) is None


def test_snapshots_are_no_entries(store: Store, reopened: Again) -> None:
    snapshots_of(store, 600)
    assert len(read(reopened(store))) == 1_200


def test_a_moved_entry_names_its_status(store: Store, reopened: Again) -> None:
    write(store.create(record()), *[moved(status) for status in Status])
    found = [entry for entry in read(reopened(store)) if isinstance(entry, Moved)]
    assert [entry.status for entry in found] == list(Status)
    assert all(type(entry.status) is Status for entry in found)
