"""The condition language: what it reads, what it refuses, and that nothing gets out of it."""

import builtins
import collections
import dataclasses
import re
import sys
import threading
import types
import warnings
from typing import Any, ClassVar

import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from nbgraph.core.condition_operations import FUNCTIONS
from nbgraph.core.conditions import Condition, parse
from nbgraph.errors import ConditionFailed, MissingKey, TextError
from tests.call_count import calls_in

Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Draft:
    score: int
    title: str = ""
    kind: ClassVar[str] = "draft"

    def publish(self) -> None:
        raise AssertionError("a condition called a method")

    @property
    def secret(self) -> None:
        raise AssertionError("a condition read a property")


class Rows:
    """A value without a truth, as arrays and data frames are."""

    def __bool__(self) -> bool:
        raise ValueError("the truth value is ambiguous")

    def __eq__(self, other: object) -> "Rows":  # type: ignore[override]
        return self

    __hash__ = None  # type: ignore[assignment]


def read(text: str) -> Condition | TextError:
    try:
        return parse(text)
    except TextError as error:
        return error


def refusal(text: str, **places: Any) -> TextError:
    with pytest.raises(TextError) as caught:
        parse(text, **places)
    return caught.value


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("score<7", "score < 7"),
        ("  score  <  7  ", "score < 7"),
        ("(score < 7)", "score < 7"),
        ("a<b<=c", "a < b <= c"),
        ("(a<b)<c", "(a < b) < c"),
        ("a and b and c", "a and b and c"),
        ("(a and b) and c", "(a and b) and c"),
        ("a or (b and not c)", "a or b and not c"),
        ("(a or b) and c", "(a or b) and c"),
        ("not (a or b)", "not (a or b)"),
        ("not(a)in b", "not a in b"),
        ("a - (b - c) - d", "a - (b - c) - d"),
        ("-(-x) * -1", "--x * -1"),
        ("-(a + b)", "-(a + b)"),
        ("(a or b) + 1 == 2", "(a or b) + 1 == 2"),
        ("x is not None", "x is not None"),
        ('name in ("a", "b",)', "name in ('a', 'b')"),
        ("x == (1,) or x == () or x in {1} or x == [1,2]", "x == (1,) or x == () or x in {1} or x == [1, 2]"),
        ("max( a,b )>0x10", "max(a, b) > 16"),
        ("rows[0]['a'].name", "rows[0]['a'].name"),
        ("x[1, 2]", "x[(1, 2)]"),
        ("(1).x", "(1).x"),
        ("(a or b).x[-1]", "(a or b).x[-1]"),
        ('u"a" "b" in x', "'ab' in x"),
        ("(a\n  # why\n  and b)", "a and b"),
        ("ﬁt > 1", "fit > 1"),
    ],
)
def test_a_condition_has_one_canonical_text(text: str, canonical: str) -> None:
    assert parse(text).text == canonical == str(parse(text))
    assert parse(canonical) == parse(text)


def test_a_condition_is_equal_and_hashed_by_its_text() -> None:
    assert {parse("a<1"), parse("(a < 1)")} == {parse("a < 1")}
    assert parse("a < 1") != parse("a < 2")
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse("a").text = "b"  # type: ignore[misc]


def test_the_keys_read_are_known() -> None:
    assert parse("len(a) > b and c.d in e[f] and -g < (1, h)[0]").keys == frozenset("abcefgh")
    assert parse("sum(x) > sum").keys == {"x", "sum"}
    assert parse("True").keys == frozenset()


# -- judging -----------------------------------------------------------------------------------------------------------

VALUES = {
    "score": 6,
    "names": ["ann", "bob"],
    "draft": Draft(3, "bees"),
    "point": Point(1, 2),
    "nothing": None,
    "rows": Rows(),
    "text": "abc",
    "table": {"a": {"b": 1}},
}


@pytest.mark.parametrize(
    "text",
    [
        "score < 7",
        "5 < score <= 6 < 7",
        "not 5 < score < 6",
        "score == 6 and score != 7 and score >= 6 and score > 5",
        "score + 1 == 7 and score - 1 == 5 and score * 2 == 12",
        "score / 4 == 1.5 and score // 4 == 1 and score % 4 == 2 and -score == -6",
        "names + ['cid'] == ['ann', 'bob', 'cid'] and text + 'd' == 'abcd'",
        "'ann' in names and 'cid' not in names",
        "names[0] == 'ann' and names[-1] == 'bob' and table['a']['b'] == 1",
        "nothing is None and score is not None and None is nothing",
        "draft.score == 3 and draft.title == 'bees' and point.x < point.y",
        "len(names) == 2 and any([0, 1]) and all(names) and min(names) == 'ann' and max(1, score) == 6",
        "abs(-score) == 6 and round(2.567, 1) == 2.6 and round(2.6) == 3 and sum([1, 2]) == 3",
        "score in {6, 7} and score in (6,) and score in [6]",
        "(nothing or 3) < 4",
        "score or missing",
        "not (nothing and missing)",
        "not score < 6 < missing",
        "names",
    ],
)
def test_a_condition_holds(text: str) -> None:
    assert parse(text).holds(VALUES) is True


@pytest.mark.parametrize("text", ["score > 7", "nothing", "not score", "7 < score < 8", "score and nothing", "''"])
def test_a_condition_does_not_hold(text: str) -> None:
    assert parse(text).holds(VALUES) is False


def test_fields_of_pydantic_models_are_read() -> None:
    import pydantic

    model = pydantic.create_model("Model", grade=(int, ...))
    assert parse("answer.grade > 1").holds({"answer": model(grade=2)})
    with pytest.raises(ConditionFailed, match="declares no field 'model_dump'"):
        parse("answer.model_dump").holds({"answer": model(grade=2)})


def test_fields_of_an_older_pydantic_model_are_read() -> None:
    older = type("Older", (), {"model_fields": {"grade": object()}, "grade": 2})
    assert parse("answer.grade == 2").holds({"answer": older()})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("draft.scor", r"`draft` is a Draft, which declares no field 'scor'; did you mean 'score'\?"),
        ("draft.publish", "declares no field 'publish'"),
        ("draft.secret", "declares no field 'secret'"),
        ("draft.kind", "declares no field 'kind'"),
        ("table.a", r"`table` is a dict, which declares no fields; an item is read as `table\['a'\]`"),
        ("point.count", "declares no field 'count'"),
        ("(1, 2).count", "declares no fields"),
        ("names.append", "declares no fields"),
    ],
)
def test_an_attribute_is_a_declared_field(text: str, message: str) -> None:
    with pytest.raises(ConditionFailed, match=message):
        parse(text).holds(VALUES)


def test_a_field_may_look_like_an_inside_of_python() -> None:
    similar = dataclasses.make_dataclass("Similar", ["f_score", "gi", "code", "throw", "MRO"])
    assert parse("x.f_score < x.gi < x.code < x.throw < x.MRO").holds({"x": similar(1, 2, 3, 4, 5)})


def test_an_object_cannot_declare_its_own_fields() -> None:
    liar = types.SimpleNamespace(_fields=("frame",), frame=1, __pydantic_fields__={"frame": 1})
    with pytest.raises(ConditionFailed, match="declares no fields"):
        parse("x.frame").holds({"x": liar})


def test_a_missing_key_is_named_with_the_nearest() -> None:
    sentence = "condition `scor < 7` needs the key 'scor', which nothing has set; did you mean 'score'?"
    with pytest.raises(MissingKey, match=re.escape(sentence)):
        parse("scor < 7").holds(VALUES)


def test_a_missing_item_is_no_missing_key() -> None:
    with pytest.raises(ConditionFailed, match="KeyError: 'z'"):
        parse("table['z']").holds(VALUES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing < 7", "condition `nothing < 7` cannot be judged with `nothing None < 7`: TypeError"),
        ("text * 3 == ''", "`*` is for numbers only, not for a str"),
        ("3 * names", "`*` is for numbers only, not for a list"),
        ("'%s' % score", "`%` is for numbers only, not for a str"),
        ("score / 0", "ZeroDivisionError"),
        ("min([])", "ValueError"),
        ("{names}", "TypeError: unhashable"),
        ("round(text)", "`round` is for numbers only"),
        ("round(score, 'a')", "round takes a whole number of digits up to 100"),
        ("round(score, -999999999)", "round takes a whole number of digits up to 100"),
        ("score / 1e-300 // 1e-300 > 10 / 0.0", "ZeroDivisionError"),
    ],
)
def test_values_that_cannot_be_judged_fail(text: str, message: str) -> None:
    with pytest.raises(ConditionFailed, match=re.escape(message)):
        parse(text).holds(VALUES)


@pytest.mark.parametrize("text", ["rows", "not rows", "rows or score", "score and rows", "rows == 1", "1 < 2 == rows"])
def test_a_value_without_a_truth_fails(text: str) -> None:
    with pytest.raises(ConditionFailed, match="neither true nor false by itself; say what is meant"):
        parse(text).holds(VALUES)


def test_a_chain_stops_at_what_has_no_truth() -> None:
    with pytest.raises(ConditionFailed, match="neither true nor false"):
        parse("rows == 1 < 2").holds(VALUES)


def test_a_key_without_a_truth_suggests_its_length() -> None:
    with pytest.raises(ConditionFailed, match=r"`rows` is a Rows, .* such as `len\(rows\) > 0`"):
        parse("rows").holds(VALUES)


def test_values_that_grow_without_end_are_refused() -> None:
    with pytest.raises(ConditionFailed, match="too large to be multiplied"):
        parse("x * x").holds({"x": 10**5000})
    with pytest.raises(ConditionFailed, match="100,000 items"):
        parse("x + x").holds({"x": "a" * 60_000})


def test_an_error_of_ours_shows_no_inner_error_and_theirs_does() -> None:
    with pytest.raises(MissingKey) as missing:
        parse("x").holds({})
    with pytest.raises(ConditionFailed) as failed:
        parse("x / 0").holds({"x": 1})
    assert missing.value.__suppress_context__
    assert missing.value.__cause__ is None
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_a_simple_condition_is_judged_in_a_few_calls() -> None:
    holds = parse("score < 7").holds
    assert calls_in(lambda: holds(VALUES)) <= 8


def test_chains_in_chains_are_evaluated_once() -> None:
    text = "1"
    for _ in range(30):
        text = f"0 < ({text}) < 2"
    assert parse(text).holds({}) is True  # evaluating inner operands twice would take 2**30 steps


# -- explaining --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "explained"),
    [
        ("score < 7", "score 6 < 7"),
        ("not (score < 7 or nothing)", "not (score 6 < 7 or nothing None)"),
        ("len(names) > draft.score", "len(names) 2 > draft.score 3"),
        ("table['a']['b'] in (1, score)", "table['a']['b'] 1 in (1, score 6)"),
        ("missing < names[9]", "missing (no value) < names[9] (no value)"),
        ("'a b' == text", "'a b' == text 'abc'"),
    ],
)
def test_an_explanation_shows_the_values(text: str, explained: str) -> None:
    assert parse(text).explain(VALUES) == explained


# -- refusing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "a condition is missing"),
        ("  \n ", 1, "a condition is missing"),
        ("x ** 2", 3, "`**` cannot stand in a condition; a condition may hold keys, constants"),
        ("9**9**9", 2, "`**` cannot stand"),
        ('"a"*10**10', 7, "`**` cannot stand"),
        ("x << 1", 3, "`<<` cannot stand"),
        ("x | y", 3, "`|` cannot stand"),
        ("x&y", 2, "`&` cannot stand"),
        ("(x) @ y", 5, "`@` cannot stand"),
        ("(x # why\n ^ y)", 2, "`^` cannot stand"),
        ("~x", 1, "`~x` cannot stand"),
        ("+x", 1, "`+x` cannot stand"),
        ("x < b'a'", 5, "`b'a'` cannot stand"),
        ("1j", 1, "`1j` cannot stand"),
        ("x is ...", 6, "`...` cannot stand"),
        ("x and [y for y in x]", 7, "`[y for y in x]` cannot stand"),
        ("any(y for y in x)", 4, "cannot stand"),
        ("lambda: 1", 1, "`lambda: 1` cannot stand"),
        ("f'{x}'", 1, "cannot stand"),
        ("(x := 1)", 2, "`x := 1` cannot stand"),
        ("1 if x else 2", 1, "`1 if x else 2` cannot stand"),
        ("max(*x)", 5, "`*x` cannot stand"),
        ("{1: 2}", 1, "`{1: 2}` cannot stand"),
        ("x[1:2]", 3, "`1:2` cannot stand"),
        ("x is y", 3, "`is` compares with None only; use =="),
        ("1 is 1", 3, "`is` compares with None only"),
        ("x == y is not z", 8, "`is` compares with None only"),
        ("x.__class__", 3, "reads no name that starts with _, as '__class__' does"),
        ("().__class__.__base__", 14, "'__base__'"),
        ("x._private", 3, "'_private'"),
        ("x.gi_frame.f_globals.__builtins__", 22, "'__builtins__'"),
        ("x.gi_frame.f_globals", 12, "a condition cannot look into Python itself, as 'f_globals' does"),
        ("x.gi_frame", 3, "'gi_frame'"),
        ("x.gi_frame.safe", 3, "'gi_frame'"),
        ("a > 1 and (x . mro)", 16, "'mro'"),
        ("x.cr_await or y", 3, "'cr_await'"),
        ("x.ag_frame", 3, "'ag_frame'"),
        ("x.co_consts[0]", 3, "'co_consts'"),
        ("len(x.tb_next)", 7, "'tb_next'"),
        ("x.ﬁeld.gi_code", 8, "'gi_code'"),
        ("open('f')", 1, "a condition calls only abs all any len max min round sum"),
        ("lenn(x)", 1, "did you mean 'len'?"),
        ("x.keys()", 1, "a condition calls only"),
        ("len(x)(y)", 1, "a condition calls only"),
        ("len()", 1, "len takes one argument, by position"),
        ("len(x, y)", 1, "len takes one argument, by position"),
        ("sum(x, [])", 1, "sum takes one argument, by position"),
        ("max(x, key=len)", 1, "max takes one argument or more, by position"),
        ("é + error", 5, "'error' is a reserved word and no key; a text stands in quotes"),
        ("next == END", 9, "'END' is a reserved word"),
        ("max > 3", 1, "'max' is a reserved word"),
        ("1" + "0" * 100, 1, "the number is too large"),
        ("x < 1e999", 5, "the number is too large"),
        ("x = 3", 3, "write `==` to compare"),
        ("x && y", 3, "write `and`"),
        ("x || y", 3, "write `or`"),
        ("!x", 1, "write `not`"),
        ("x =< y", 3, "write `<=`"),
        ("x <> y", 3, "write `!=`"),
        ("x <", 4, "this cannot be read as a condition"),
        ("x y", 3, "this cannot be read as a condition"),
        ("(x", 1, "was never closed"),
        ("x)", 2, "unmatched"),
        ("a) or (b", 2, "unmatched"),
        ("'a", 1, "unterminated string literal"),
        (r"'\d'", 1, "invalid escape sequence"),
        ("x\0", 2, "cannot hold the sign '\\x00'"),
        ("'\ud800'", 2, "cannot hold the sign '\\ud800'"),
        ("-" * 60 + "x", 41, "nests 40 levels at most"),
        ("(" * 150 + "x", 1, ""),
        ("x < " + "9" * 2000, 1, "has 2,000 characters at most"),
        ("[" + "1," * 900 + "]", 1, "has 2,000 characters at most"),  # in its canonical text, with spaces
        ("x = " * 400, 3, ""),
    ],
)
def test_a_text_is_refused_where_it_is_wrong(text: str, column: int, message: str) -> None:
    error = refusal(text)
    assert message in str(error)
    if message:
        assert error.column == column
    assert error.what == "condition"


def test_the_deepest_nesting_allowed_is_evaluated() -> None:
    assert parse("(" * 60 + "-" * 38 + "x" + ")" * 60 + " > 0").holds({"x": 1})


@pytest.mark.parametrize(
    "text",
    [
        *("not " * 499 + "x", "-" * 1999 + "1", "a" + ".b" * 990, "a" + "+a" * 990, "lambda:" * 280 + "1"),
        *("(" * 1999, "{" * 199 + ":" + "}" * 199, "a" + "[0]" * 650, "a" + "()" * 990, "a<" * 999 + "a", "f'{" * 90),
        *("x = (" * 300, "[x for x in " * 100, "(a:=" * 190 + "1" + ")" * 190, "a if b else " * 160 + "c"),
    ],
)
def test_a_monster_is_refused_or_read_in_a_thread(text: str) -> None:
    found: list[Condition | TextError] = []
    thread = threading.Thread(target=lambda: found.append(read(text)))
    thread.start()
    thread.join()
    assert found


# -- properties --------------------------------------------------------------------------------------------------------

NAMES = ["a", "b", "items", "text", "point"]
ATOMS = st.one_of(
    st.sampled_from(NAMES),
    st.integers(0, 12).map(str),
    st.floats(0, 9, allow_nan=False).map(repr),
    st.text("ab'\"\\\n#", max_size=3).map(repr),
    st.sampled_from(["True", "False", "None"]),
)
SIGNS = ["+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", "in", "not in", "and", "or"]


def larger(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(texts, max_size=3)
    return st.one_of(
        st.builds("({} {} {})".format, texts, st.sampled_from(SIGNS), texts),
        st.builds("{} {} {}".format, texts, st.sampled_from(SIGNS), texts),
        st.builds("({} < {} {} {})".format, texts, texts, st.sampled_from(["<", "==", "!=", ">"]), texts),
        st.builds("{} ({})".format, st.sampled_from(["not", "-"]), texts),
        st.builds("({} {} None)".format, texts, st.sampled_from(["is", "is not"])),
        st.builds("({})[{}]".format, texts, texts),
        st.builds("({}).{}".format, texts, st.sampled_from(["x", "y"])),
        st.builds("{}({})".format, st.sampled_from(sorted(FUNCTIONS)), texts),
        st.builds("{}({}, {})".format, st.sampled_from(["max", "min"]), texts, texts),
        several.map(lambda items: f"[{', '.join(items)}]"),
        several.map(lambda items: f"({''.join(item + ', ' for item in items)})"),
    )


TEXTS = st.recursive(ATOMS, larger, max_leaves=12)


@settings(deadline=None)
@given(TEXTS)
def test_the_canonical_text_is_a_fixed_point(text: str) -> None:
    condition = read(text)
    if isinstance(condition, TextError):
        reject()
    again = parse(condition.text)
    assert (again, again.text, again.keys) == (condition, condition.text, condition.keys)


PYTHON = {name: getattr(builtins, name) for name in FUNCTIONS}


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(TEXTS, st.integers(-5, 5), st.sampled_from([None, 0, 2.5, "a", [1]]), st.lists(st.integers(0, 3), max_size=3))
def test_a_condition_gives_what_python_gives(text: str, a: int, b: Any, items: list[int]) -> None:
    condition = read(text)
    if isinstance(condition, TextError):
        reject()
    values = {"a": a, "b": b, "items": items, "text": "ab", "point": Point(1, items)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = bool(eval(text, {"__builtins__": PYTHON}, dict(values)))
    except Exception:
        with pytest.raises(ConditionFailed):
            condition.holds(values)
        return
    outcome = judged(condition, values)
    assert outcome is expected or "numbers only" in str(outcome)  # where Python repeats a text or formats it


PIECES = st.sampled_from([*SIGNS, *"()[]{}.,:=~|&^@!'\"\\#\n\r\t ", "**", "None", "is", "not", "if", "else", "lambda"])
NASTY = st.lists(st.one_of(PIECES, ATOMS, st.sampled_from(["len", "f'", "b'", "0x", "1_", "await", "é", "\x0c"])))


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(), NASTY.map("".join), NASTY.map(" ".join)))
@example("\ufeffx")
@example("x\\")
@example("x # é\r\n** 2")
@example("(x\r**\r2)")
@example("'''\r\n''' ** 2")
def test_any_text_is_read_or_refused(text: str) -> None:
    found = read(text)
    if isinstance(found, TextError):
        assert 1 <= found.line <= len(text.splitlines()) + 1
    else:
        assert parse(found.text) == found
        assert found.explain({})


class Witness:
    """A value that tells of every attribute that is read of it, other than those Python needs to find its type."""

    touched: ClassVar[list[str]] = []

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Witness
        Witness.touched.append(name)
        return lambda *_, **__: Witness.touched.append(f"{name}()")

    def __call__(self, *_: Any, **__: Any) -> None:
        Witness.touched.append("()")


WORDS = ["__class__", "__globals__", "gi_frame", "f_globals", "__builtins__", "open", "eval", "__import__", "os"]
ESCAPES = st.recursive(
    st.sampled_from(["w", "f", "g", "x", *WORDS, "'w'", "()", "__builtins__['open']"]),
    lambda texts: st.one_of(
        st.builds("{}.{}".format, texts, st.sampled_from([*WORDS, "keys", "format", "x", "mro"])),
        st.builds("{}({})".format, texts, texts),
        st.builds("{}()".format, texts),
        st.builds("{}[{}]".format, texts, texts),
        st.builds("{} or {}".format, texts, texts),
        st.builds("len({})".format, texts),
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(ESCAPES)
def test_no_condition_gets_out(text: str) -> None:
    Witness.touched.clear()
    events: list[str] = []
    frames = (number for number in [1])
    condition = read(text)
    if isinstance(condition, TextError):
        return
    with Audited(events):
        outcome = judged(condition, {"w": Witness(), "f": judged, "g": frames, "x": sys})
    assert isinstance(outcome, (bool, MissingKey, ConditionFailed))
    assert not Witness.touched
    assert not events


def judged(condition: Condition, values: dict[str, Any]) -> object:
    try:
        return condition.holds(values)
    except (MissingKey, ConditionFailed) as error:
        return error


LISTENERS: list[list[str]] = []
DANGEROUS = ("open", "exec", "compile", "import", "os.", "subprocess.", "socket.", "object.__getattr__")
hooked: list[bool] = []


class Audited:
    """Collects the dangerous things that Python's audit events tell of meanwhile."""

    def __init__(self, events: list[str]) -> None:
        self.events = events

    def __enter__(self) -> None:
        if not hooked:
            sys.addaudithook(listen)
            hooked.append(True)
        LISTENERS.append(self.events)

    def __exit__(self, *_: object) -> None:
        LISTENERS.remove(self.events)


def listen(event: str, _: object) -> None:
    if LISTENERS and event.startswith(DANGEROUS):
        LISTENERS[-1].append(event)
