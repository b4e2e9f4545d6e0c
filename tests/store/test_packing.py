from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.msgpack import decode, encode

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import Status, Taken, TaskError
from nbgraph.core.forms import Field
from nbgraph.core.records import (
    Answered,
    Asked,
    Begun,
    Entry,
    Failed,
    ItemDone,
    ModelAnswered,
    Moved,
    NodeRecord,
    Recorded,
    Renewed,
    Resumed,
    RunRecord,
    Snapshot,
    Step,
    Structure,
    ToolReturned,
    Tried,
    Withdrawn,
)
from nbgraph.core.updates import Gathered, Later, Overwrite
from nbgraph.errors import NotStorable, StoreDamaged
from nbgraph.store import codec, wire
from nbgraph.store.classes import KNOWN
from nbgraph.store.packing import LARGE, Blob, PackedRecord, Packer, Unpacker

STEP = Step(
    1234,
    "review#12",
    "review",
    12,
    ("draft#12",),
    (("score", 7), ("notes", "fine, go on")),
    (Taken(3, "review", "draft", "review.score < 8 (7)"),),
    ("draft#13",),
    1763859000.123456,
    stamps=((12,),),
    began=1763858999.7654321,
    digest="a1b2c3d4",
)
APPROVAL = Approval(
    "r/gate#1",
    "r",
    "gate",
    1,
    "Send {draft}?",
    {"draft": "Dear all"},
    ("approve", "reject"),
    {"draft": "Dear all"},
    12.5,
    "0123456789abcdef",
    Answer("approve", "well", {"draft": "Dear both"}, "run.answer", 13.5, {"size": 3}),
    (Field("size", "choice", "int", False, 3, (1, 2, 3), "How large", True),),
    "research#2",
    99.5,
    "reject",
)
BIG = "many words " * LARGE


def unpacker(*packed: PackedRecord, blobs: dict[bytes, bytes] | None = None) -> Unpacker:
    raws = {blob.digest: blob.raw for record in packed for blob in record.blobs} | (blobs or {})
    return Unpacker(raws.__getitem__, KNOWN)


def again(entry: Entry) -> Entry:
    packed = Packer().entry(entry)
    return unpacker(packed).entry(packed.data)


# Round trips

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.sampled_from(["draft", "review", "überprüfen", "research/search", "work"])
tasks = st.sampled_from(
    ["draft#1", "review#12", "research#2/search#1", "research[3]/search#7", "a#1/b[2]/c#9", "odd", ""]
)
times = st.floats(allow_nan=False)
counts = st.integers(0, 2**40)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**50), 2**50) | times | texts | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=5,
)
updates = st.dictionaries(texts, values, max_size=3)
lists_of_texts = st.lists(tasks, max_size=3).map(tuple)
stamps = st.lists(st.lists(counts, max_size=2).map(tuple), max_size=3).map(tuple)
taken = st.lists(st.builds(Taken, counts, names, st.sampled_from(["draft", "review", "END"]), texts), max_size=3).map(
    tuple
)
errors = st.lists(st.builds(TaskError, names, texts, texts, st.none() | counts), max_size=2).map(tuple)
writes = updates.map(lambda update: tuple(update.items()))

ENTRIES: dict[type, st.SearchStrategy[Any]] = {
    Begun: st.builds(Begun, tasks, updates, taken, lists_of_texts, stamps, times),
    Step: st.builds(
        Step,
        counts,
        tasks,
        names,
        counts,
        lists_of_texts,
        writes,
        taken,
        lists_of_texts,
        times,
        st.booleans(),
        errors,
        st.booleans(),
        stamps,
        times,
        texts,
    ),
    Recorded: st.builds(Recorded, texts, texts, values),
    Tried: st.builds(Tried, texts, counts, texts, times),
    Failed: st.builds(Failed, texts, texts, texts, texts, texts, times),
    ItemDone: st.builds(ItemDone, texts, counts, updates),
    Asked: st.builds(Asked, texts, times),
    Answered: st.builds(Answered, texts, times),
    Withdrawn: st.builds(Withdrawn, texts, times),
    Moved: st.builds(Moved, st.sampled_from(Status), texts, times, lists_of_texts),
    Resumed: st.builds(Resumed, texts, lists_of_texts, times),
    ModelAnswered: st.builds(
        ModelAnswered,
        *(texts, texts, texts, st.lists(updates, max_size=2).map(tuple), updates),
        *(st.none() | counts, st.none() | counts, st.none() | counts, st.none() | times, times, times),
    ),
    ToolReturned: st.builds(ToolReturned, texts, texts, texts, updates, texts, st.booleans(), times, times),
    Renewed: st.builds(Renewed, times),
}
SAMPLES: list[Entry] = [
    Begun("research#2", {"topic": "ducks"}, (Taken(0, "START", "search", ""),), ("search#1",), ((),), 12.5),
    STEP,
    Recorded("draft#2/step1", "call", {"cost": 3}),
    Tried("draft#2", 1, "TimeoutError: slow", 12.5),
    Failed("draft#2", "draft", "ValueError", "no", "cell 3, line 2", 12.5),
    ItemDone("work#1", 3, {"found": [1, 2]}),
    Asked("r/gate#1", 12.5),
    Answered("r/gate#1", 12.5),
    Withdrawn("r/gate#1", 12.5),
    Moved(Status.WAITING, "a person", 12.5, ("gate",)),
    Resumed("process 7", ("draft changed since",), 12.5),
    ModelAnswered("draft#2/model1", "0f", "m", ({"role": "user"},), {"role": "assistant"}, 9, 0, 3, 0.1, 1.5, 12.5),
    ToolReturned("draft#2/tool1.1", "0f", "search", {"query": "ducks"}, "none", True, 1.5, 12.5),
    Renewed(12.5),
]


def test_every_kind_of_entry_is_tried() -> None:
    assert set(ENTRIES) == set(Entry.__args__) == {type(sample) for sample in SAMPLES}


@pytest.mark.parametrize("kind", ENTRIES, ids=lambda kind: kind.__name__)
def test_an_entry_comes_back_as_it_was(kind: type) -> None:
    @settings(max_examples=25, deadline=None)
    @given(ENTRIES[kind])
    def comes_back(entry: Entry) -> None:
        assert again(entry) == entry
        assert type(again(entry)) is kind

    comes_back()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_a_sample_of_each_kind_comes_back_with_its_types(sample: Entry) -> None:
    assert repr(tuple(again(sample))) == repr(tuple(sample))


@pytest.mark.parametrize(
    ("task", "node", "visit"),
    [
        ("draft#2", "draft", 2),
        ("research#2/search#1", "research/search", 1),
        ("research[3]/search#1", "research/search", 1),
        ("research#2/deep[3]/search#4", "research/deep/search", 4),
        ("run.edit#1", "run.edit", 1),
        ("research/run.edit#1", "run.edit", 1),
        ("draft#2", "another", 7),
        ("draft", "draft", 1),
        ("draft#", "draft", 1),
        ("", "", 0),
    ],
)
def test_the_node_and_the_visit_of_a_step_come_back_whether_its_name_says_them_or_not(
    task: str, node: str, visit: int
) -> None:
    step = STEP._replace(task=task, node=node, visit=visit)
    assert again(step) == step


def test_an_edge_keeps_a_source_and_a_target_that_do_not_follow_from_the_step() -> None:
    edges = (Taken(1, "other", "draft", ""), Taken(2, "review", "END", "else"), Taken(3, "", "nobody", ""))
    assert again(STEP._replace(taken=edges)) == STEP._replace(taken=edges)


def test_written_values_that_reducers_treat_apart_come_back() -> None:
    step = STEP._replace(writes=(("a", Overwrite([1])), ("b", Gathered((1, None, Overwrite(3)), (True, False, True)))))
    assert again(step) == step


def test_a_run_comes_back_with_its_structure() -> None:
    inner = Structure(
        "inner", ("START -> a",), (NodeRecord("a", "function", "all", "00ff"),), {}, {"b": Structure("b")}
    )
    structure = Structure("g", ("START -> a", "a -> END"), (NodeRecord("a", "graph", "any", "11ff"),), {"k": "add"})
    run = RunRecord("r", "g", {"topic": ("a", 1)}, 12.5, structure._replace(inner={"a": inner}), 7, 3, "p", 4, "fork")
    packed = Packer().run(run)
    assert unpacker(packed).run(packed.data) == run


def test_a_run_whose_edges_hold_half_a_character_is_kept() -> None:
    packed = Packer().run(RunRecord("r", "g", {}, 1.5, Structure("g", ("a -> b: x == '\udcff'",), (), {"k": "add"})))
    assert unpacker(packed).run(packed.data).structure == Structure("g", ("a -> b: x == '\\udcff'",), (), {"k": "add"})


@pytest.mark.parametrize("approval", [APPROVAL, Approval("r/g#1", "r", "g", 1, "?", {}, ("yes",), {}, 1.5)])
def test_a_question_comes_back(approval: Approval) -> None:
    packed = Packer().approval(approval)
    assert unpacker(packed).approval(packed.data) == approval


def test_a_snapshot_comes_back_with_tuples_as_tuples() -> None:
    rest = {"active": [("draft#2", "draft", 2, (1,), ("a#1",), [("a", "E", "m", None)])], "taken": [(("a", 1, ()), 2)]}
    snapshot = Snapshot(7, {"a": [1], "b": (2,)}, {"a": 3}, {**rest, ("x", (1,)): {5: "five"}})
    packed = Packer().snapshot(snapshot)
    assert repr(unpacker(packed).snapshot(packed.data)) == repr(snapshot)


def test_half_of_a_character_in_a_message_is_kept_as_its_escape() -> None:
    assert again(Tried("a#1", 1, "no file \udcff", 1.5)) == Tried("a#1", 1, "no file \\udcff", 1.5)


def test_half_of_a_character_in_a_condition_costs_no_step() -> None:
    step = STEP._replace(taken=(Taken(1, "review", "draft", "name == '\udcff'"),))
    assert again(step) == STEP._replace(taken=(Taken(1, "review", "draft", "name == '\\udcff'"),))


def test_a_text_of_a_class_of_its_own_is_kept_as_a_text() -> None:
    class Word(str): ...

    kept = again(Failed("a#1", "a", Word("E"), "no", "", 1.5))
    assert isinstance(kept, Failed)
    assert type(kept.type) is str


# Size


def test_a_usual_step_takes_few_bytes_beside_its_writes() -> None:
    writes = Packer().writes(STEP.writes)
    assert Packer().entry(STEP, writes).size - writes.size <= 110


def test_a_step_of_a_subgraph_takes_few_bytes_beside_its_writes() -> None:
    step = STEP._replace(task="research#2/deep[3]/review#12", node="research/deep/review")
    writes = Packer().writes(step.writes)
    assert Packer().entry(step, writes).size - writes.size <= 130


# Large values


def test_a_large_write_is_put_apart_and_read_when_it_is_needed() -> None:
    packed, asked = Packer().entry(STEP._replace(writes=(("text", BIG), ("n", 1)))), []
    raws = {blob.digest: blob.raw for blob in packed.blobs}
    step = Unpacker(lambda digest: asked.append(digest) or raws[digest], KNOWN).entry(packed.data)
    assert isinstance(step, Step)
    assert len(packed.data) < 500
    assert packed.size == len(packed.data) + len(packed.blobs[0].raw)
    assert asked == []
    assert step.update == {"text": BIG, "n": 1} == step.update
    assert len(asked) == 1


def test_large_values_elsewhere_are_read_at_once() -> None:
    packer = Packer()
    recorded, run = packer.entry(Recorded("a#1", "f", BIG)), Packer().run(RunRecord("r", "g", {"text": BIG}, 1.5))
    assert unpacker(recorded).entry(recorded.data) == Recorded("a#1", "f", BIG)
    assert unpacker(run).run(run.data).inputs == {"text": BIG}


def test_a_value_that_is_read_later_is_packed_again() -> None:
    step = STEP._replace(writes=(("text", Later(lambda: BIG)),))
    kept = again(step)
    assert isinstance(kept, Step)
    assert kept.update == {"text": BIG}


def test_a_value_that_is_read_later_is_packed_elsewhere_too() -> None:
    kept = again(ItemDone("work#1", 0, {"text": Later(lambda: BIG)}))
    assert kept == ItemDone("work#1", 0, {"text": BIG})


def test_a_large_value_under_two_keys_is_given_once() -> None:
    packed = Packer().writes((("a", BIG), ("b", BIG)))
    assert [bool(blob.raw) for blob in packed.blobs] == [True, False]


def test_a_snapshot_names_a_large_value_again_without_packing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    packer = Packer()
    step = packer.entry(STEP._replace(writes=(("text", BIG),)))
    packs: list[Any] = []
    monkeypatch.setattr(codec, "pack", lambda value, pack=codec.pack: packs.append(value) or pack(value))
    first, second = (packer.snapshot(Snapshot(n, {"text": BIG, "n": n}, {}, {})) for n in (1, 2))
    assert BIG not in packs
    assert first.blobs == second.blobs == (Blob(step.blobs[0].digest, b""),)
    assert unpacker(step).snapshot(second.data).values == {"text": BIG, "n": 2}


def test_the_inputs_of_a_run_are_not_packed_again_either() -> None:
    packer = Packer()
    packer.run(RunRecord("r", "g", {"text": BIG}, 1.5))
    assert packer.snapshot(Snapshot(1, {"text": BIG}, {}, {})).blobs[0].raw == b""


def test_what_no_step_was_packed_with_is_given_in_full_again() -> None:
    packer, writes = Packer(), (("text", BIG),)
    assert packer.writes(writes).blobs[0].raw == packer.writes(writes).blobs[0].raw != b""
    packer.entry(STEP._replace(writes=writes), packer.writes(writes))
    assert packer.writes(writes).blobs[0].raw == b""


def test_a_value_that_was_changed_in_place_is_written_as_it_is_now() -> None:
    packer, grown = Packer(), [BIG]
    packer.entry(STEP._replace(writes=(("list", grown),)))
    grown.append("more")
    step = packer.entry(STEP._replace(writes=(("list", grown),)))
    kept = unpacker(step).entry(step.data)
    assert isinstance(kept, Step)
    assert kept.update == {"list": [BIG, "more"]}


def test_what_was_forgotten_is_given_in_full() -> None:
    packer = Packer()
    packer.entry(Recorded("a#1", "f", BIG))
    packer.forget()
    assert packer.entry(Recorded("a#1", "f", BIG)).blobs[0].raw != b""


def test_what_a_snapshot_does_not_name_is_held_no_longer() -> None:
    packer = Packer()
    packer.entry(STEP._replace(writes=(("old", BIG), ("new", BIG + "!"))))
    packer.snapshot(Snapshot(1, {"new": BIG + "!"}, {}, {}))
    assert packer.writes((("new", BIG + "!"),)).blobs[0].raw == b""
    assert packer.writes((("old", BIG),)).blobs[0].raw != b""


# What cannot be kept


@pytest.mark.parametrize(
    "pack",
    [
        lambda packer, bad: packer.writes((("fine", 1), ("client", bad))),
        lambda packer, bad: packer.entry(ItemDone("work#1", 0, {"client": bad})),
        lambda packer, bad: packer.run(RunRecord("r", "g", {"client": bad}, 1.5)),
        lambda packer, bad: packer.snapshot(Snapshot(1, {"client": bad}, {}, {})),
        lambda packer, bad: packer.approval(Approval("i", "r", "g", 1, "?", {"client": bad}, (), {}, 1.5)),
    ],
)
def test_what_cannot_be_kept_is_told_with_its_key(pack: Any) -> None:
    with pytest.raises(NotStorable) as caught:
        pack(Packer(), [threading.Lock()])
    assert caught.value.path == "client[0]"
    assert caught.value.kind.endswith("lock")


# Damage


def read_anything(data: bytes) -> None:
    """Each reader gives a record or refuses the data."""
    reader = Unpacker(unknown, KNOWN)
    for read in (reader.entry, reader.run, reader.approval, reader.snapshot):
        with suppress(StoreDamaged):
            read(data)


def unknown(digest: bytes) -> bytes:
    raise StoreDamaged(f"there is no blob {digest.hex()}.")


def whole_records() -> dict[str, bytes]:
    """A record of each kind, packed."""
    packer = Packer()
    records = {type(sample).__name__: packer.entry(sample) for sample in SAMPLES}
    records["RunRecord"] = packer.run(RunRecord("r", "g", {"topic": "ducks"}, 1.5, Structure("g", ("START -> a",))))
    records["Approval"] = packer.approval(APPROVAL)
    records["Snapshot"] = packer.snapshot(Snapshot(7, {"a": [1]}, {"a": 3}, {"taken": [(("a", 1, ()), 2)]}))
    return {kind: packed.data for kind, packed in records.items()}


WHOLE = whole_records()


@pytest.mark.parametrize("kind", WHOLE)
def test_a_record_that_is_cut_off_or_longer_is_found(kind: str) -> None:
    data, reader = WHOLE[kind], unpacker()
    read = {"RunRecord": reader.run, "Approval": reader.approval, "Snapshot": reader.snapshot}.get(kind, reader.entry)
    read(data)
    for wrong in [data[:length] for length in range(len(data))] + [data + b"\0"]:
        with pytest.raises(StoreDamaged):
            read(wrong)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_flipped_bit_raises_nothing_but_store_damaged(kind: str) -> None:
    data = WHOLE[kind]
    for place in range(len(data)):
        for bit in (1, 16, 128):
            read_anything(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | values.map(encode))
def test_anything_else_raises_nothing_but_store_damaged(data: bytes) -> None:
    read_anything(data)
    read_anything(b"\x01" + data)


@pytest.mark.parametrize("depth", [50, 900, 5_000])
def test_what_is_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(StoreDamaged):
        unpacker().entry(b"\x01\x94\x03\xa1a\xa1b" + b"\x91" * depth + b"\xc0")
    structure = b"\x95\xa0\x90\x90\x80\x81\xa1a" * depth + b"\x90"
    with pytest.raises(StoreDamaged):
        unpacker().run(b"\x01\x96\x20\xa1r\xa1g\x90\xcb" + bytes(8) + structure + b"\x01")


@pytest.mark.parametrize("place", ["not bytes", 7, None])
def test_a_value_that_is_none_is_refused(place: Any) -> None:
    with pytest.raises(StoreDamaged, match="a value in it is none"):
        unpacker().entry(b"\x01" + encode([3, "draft#1", "f", place]))


@pytest.mark.parametrize("pairs", [["a"], ["a", b"", "b"], [7, b""], {"a": b""}, None])
def test_writes_that_are_no_pairs_are_refused(pairs: Any) -> None:
    with pytest.raises(StoreDamaged):
        unpacker().entry(b"\x01" + encode([2, 1, "a#1", [], pairs, [], [], [], 1.5]))


def test_an_edge_to_a_task_that_was_not_started_is_refused() -> None:
    with pytest.raises(StoreDamaged, match="was not started"):
        unpacker().entry(b"\x01" + encode([2, 1, "a#1", [], [], [[0, 5]], ["b#1"], [[]], 1.5]))


def test_a_blob_that_is_another_is_found() -> None:
    packed = Packer().entry(Recorded("a#1", "f", BIG))
    wrong = {packed.blobs[0].digest: codec.pack("something else")}
    with pytest.raises(StoreDamaged, match="not the one that was kept"):
        unpacker(blobs=wrong).entry(packed.data)


def test_a_record_of_another_format_says_so() -> None:
    data = Packer().entry(STEP).data
    with pytest.raises(StoreDamaged, match=r"has the format 9, and this nbgraph reads the format 1; a newer nbgraph"):
        unpacker().entry(b"\x09" + data[1:])


# Records of other versions


def fields(packed: PackedRecord) -> list[Any]:
    found: list[Any] = decode(packed.data[1:])
    return found


def test_a_step_with_fewer_fields_is_read_with_their_defaults() -> None:
    older = b"\x01" + encode(fields(Packer().entry(STEP))[:9])
    assert unpacker().entry(older) == STEP._replace(began=STEP.at, digest="")


def test_a_run_with_fewer_fields_is_read_with_their_defaults() -> None:
    run = RunRecord("r", "g", {"a": 1}, 1.5)
    older = b"\x01" + encode([*fields(Packer().run(run))[:5], []])
    assert unpacker().run(older) == run


def test_a_question_with_fewer_fields_is_read_with_their_defaults() -> None:
    older = b"\x01" + encode(fields(Packer().approval(APPROVAL))[:10])
    assert unpacker().approval(older) == Approval(*[getattr(APPROVAL, name) for name in Approval.__slots__[:9]])


def test_an_entry_with_fewer_fields_is_read_with_their_defaults() -> None:
    older = b"\x01" + encode(fields(Packer().entry(SAMPLES[9]))[:4])
    assert unpacker().entry(older) == Moved(Status.WAITING, "a person", 12.5)


@pytest.mark.parametrize(
    "record",
    [
        *(kind for kind in ENTRIES if kind is not Step),
        Taken,
        TaskError,
        RunRecord,
        Structure,
        NodeRecord,
        Snapshot,
        Field,
    ],
)
def test_the_form_of_a_record_has_all_its_fields(record: Any) -> None:
    assert set(getattr(wire, record.__name__).__struct_fields__) == set(record._fields)


def test_the_form_of_a_step_a_question_and_an_answer_has_all_their_fields() -> None:
    derived = {"node", "visit", "cached", "edited"}
    assert set(wire.Step.__struct_fields__) - {"place", "flags"} == set(Step._fields) - derived
    assert wire.Approval.__struct_fields__ == Approval.__slots__
    assert wire.Answer.__struct_fields__ == Answer.__slots__


def test_fields_that_were_appended_later_are_passed_over() -> None:
    newer = b"\x01" + encode([*fields(Packer().entry(STEP)), "new", {"a": 1}])
    assert unpacker().entry(newer) == STEP
