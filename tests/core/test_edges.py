"""The edge language: what it reads, how it prints it, and where its errors point."""

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from nbgraph.core import conditions
from nbgraph.core.edges import Guard, Statement, check_name, parse
from nbgraph.errors import DeclarationError, TextError

PLAIN = Guard("plain")


def when(text: str) -> Guard:
    return Guard("if", condition=conditions.parse(text))


def one(text: str) -> Statement:
    (statement,) = parse(text)
    return statement


def read(text: str) -> tuple[Statement, ...] | TextError:
    try:
        return parse(text)
    except TextError as error:
        return error


def refusal(text: str) -> TextError:
    with pytest.raises(TextError) as caught:
        parse(text)
    return caught.value


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "  \n\t\n", "# nothing", "\n # a -> b\n;;\n", "\r\n"])
def test_a_text_without_statements_gives_none(text: str) -> None:
    assert parse(text) == ()


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("START -> a", Statement(("START",), ("a",), PLAIN)),
        ("a->END", Statement(("a",), ("END",), PLAIN)),
        ("a, b -> c, d", Statement(("a", "b"), ("c", "d"), PLAIN)),
        ("a, b, a -> c, c", Statement(("a", "b"), ("c",), PLAIN)),
        ("a -> b if score<7 max 3", Statement(("a",), ("b",), when("score < 7"), 3)),
        ("a -> b else", Statement(("a",), ("b",), Guard("else"))),
        ("a -> b always", Statement(("a",), ("b",), Guard("always"))),
        ("a -> b, END by next", Statement(("a",), ("b", "END"), Guard("by", key="next"))),
        ("a -> b by route() max 2", Statement(("a",), ("b",), Guard("by", function="route"), 2)),
        ("a -> b each items as item", Statement(("a",), ("b",), Guard("each", key="items", item="item"))),
        ("a -> b on error", Statement(("a",), ("b",), Guard("error"))),
        ("START -> a if topic", Statement(("START",), ("a",), when("topic"))),
        ("START -> a else", Statement(("START",), ("a",), Guard("else"))),
        ("START -> a by next", Statement(("START",), ("a",), Guard("by", key="next"))),
        ("START -> a each items as item", Statement(("START",), ("a",), Guard("each", key="items", item="item"))),
        ("START -> a always", Statement(("START",), ("a",), Guard("always"))),
    ],
)
def test_a_statement_is_read(text: str, statement: Statement) -> None:
    assert one(text) == statement
    assert one(str(statement)) == statement


@pytest.mark.parametrize("name", ["a", "_a", "writer2", "Entwurf", "überblick", "草稿", "हिन्दी", "match"])
def test_a_node_may_have_any_name(name: str) -> None:
    assert one(f"{name} -> b").sources == (name,)


def test_a_name_is_spelt_as_python_spells_it() -> None:
    assert one("ﬁt -> b") == one("fit -> b")


def test_a_guard_belongs_to_the_last_arrow() -> None:
    assert parse("a -> b, c -> d if x max 2") == (*parse("a -> b, c"), *parse("b, c -> d if x max 2"))


def test_newlines_and_semicolons_separate() -> None:
    assert parse("a -> b; b -> c\nc -> d;\r\n;d -> e\r\re -> f") == parse("a -> b\nb -> c\nc -> d\nd -> e\ne -> f")


@pytest.mark.parametrize(
    "text",
    [
        "a, b -> c if (x and y)",
        "a,\n  b -> c if (x and y)",
        "a, b\n  -> c if (x and y)",
        "a, b ->\n\n  # so\n  c if (x and y)",
        "a, b -> c if (x # why\n and y)",
        "a, b # one ->\n# two\n -> c if (\nx and\ny\n) # three",
        "a\xa0,\u2003b\f->\vc if (x and y)",
    ],
)
def test_a_statement_goes_on_in_the_next_line(text: str) -> None:
    assert parse(text) == parse("a, b -> c if x and y")


def test_a_statement_knows_the_line_where_its_sources_start() -> None:
    text = "# one\na,\nb ->\nc\n-> d if (\nx); e -> f\n\ng -> h"
    assert [statement.line for statement in parse(text)] == [2, 4, 6, 8]
    assert one("\na -> b") == one("a -> b")


@pytest.mark.parametrize(
    "text", ["'->'", "';'", "'# no'", "' max 3'", '"""\n->; else"""', "r'\\\\'", "'\\''", "'it is \"' \"it's\"", "'('"]
)
def test_a_string_holds_any_sign(text: str) -> None:
    assert one(f"a -> b if {text} in x max 2") == Statement(("a",), ("b",), when(f"{text} in x"), 2)


@pytest.mark.parametrize(
    ("text", "condition", "limit"),
    [
        ("max(x, y) > 3", "max(x, y) > 3", None),
        ("max (x, y) > 3 max 3", "max(x, y) > 3", 3),
        ("3 < max(x, max(y, 1)) max 03", "3 < max(x, max(y, 1))", 3),
        ("counts.max > 3", "counts.max > 3", None),
        ("x['else'].y == (1, 2)", "x['else'].y == (1, 2)", None),
    ],
)
def test_max_is_a_clause_only_at_the_end(text: str, condition: str, limit: int | None) -> None:
    assert one(f"a -> b if {text}") == Statement(("a",), ("b",), when(condition), limit)


# -- refusing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a", 1, "'a' stands alone; an edge is written `a -> other`"),
        ("a, b", 1, "'a' stands alone"),
        ("a b", 3, "`->` is missing before 'b'"),
        ("a if x", 3, "`->` is missing before 'if'"),
        ("a ->", 5, "after `->` comes the name of a node"),
        ("-> b", 1, "a statement starts with the name of a node"),
        ("a -> -> b", 6, "after `->` comes the name of a node"),
        ("a, , b -> c", 4, "after `,` comes the name of a node"),
        ("a, -> b", 4, "after `,` comes the name of a node"),
        ("(a, b) -> c", 1, "names stand without brackets"),
        ("a -> [b, c]", 6, "names stand without brackets"),
        ("'a' -> b", 1, "names stand without quotes"),
        ("2nd -> b", 1, "names have no digit first"),
        ("my-node -> b", 3, "`-` does not belong here; after a name comes `->`"),
        ("a -> b.c", 7, "`.` does not belong here"),
        ("class -> b", 1, "'class' is a Python keyword and cannot name a node"),
        ("a -> if x", 6, "'if' is a reserved word and cannot name a node"),
        ("\ufeffa -> b", 1, r"'\ufeffa' cannot name a node"),
        ("a => b", 3, "an arrow is written `->`"),
        ("a --> b", 3, "an arrow is written `->`"),
        ("a -> b → c", 8, "an arrow is written `->`"),
        ("a —> b", 3, "an arrow is written `->`"),
        ("a <- b", 3, "an arrow is written `->`"),
        ("a -> b iff x", 8, "`iff` does not belong here; after a name comes `->`, `,`, `if`, `else`, `always`"),
        ("a -> b iff x", 8, "did you mean 'if'?"),
        ("a -> b elif x", 8, "did you mean 'if'?"),
        ("a -> b esle", 8, "did you mean 'else'?"),
        ("a -> b alwyas", 8, "did you mean 'always'?"),
        ("a -> b eahc x as y", 8, "did you mean 'each'?"),
        ("a -> b ELSE", 8, "did you mean 'else'?"),
        ("a -> START", 6, "START is where a run starts: nothing comes before it"),
        ("END -> a", 1, "END is where a run ends: nothing comes after it"),
        ("a -> END -> b", 6, "END is where a run ends"),
        ("a -> b if", 10, "`if` needs a condition, as in `if score < 7`"),
        ("a -> b if max 3", 10, "`if` needs a condition"),
        ("a -> b if x ->c", 13, "a guard stands after the last arrow only"),
        ("a -> b if x else c", 13, "`else` needs a statement of its own, as in `a -> b if x; a -> c else`"),
        ("a -> b if x = 3", 13, "write `==` to compare"),
        ("a -> b if x.__class__", 13, "reads no name that starts with _"),
        ("a -> b if (x", 11, "the bracket `(` is never closed"),
        ("a -> b if x[(1]", 15, "`]` closes no `(`; `)` does"),
        ("a -> b if x)", 12, "the bracket `)` was never opened"),
        ("a -> b if 'x", 11, "the string that starts here has no end"),
        ('a -> b if """x"', 11, "the string that starts here has no end"),
        ("a -> b else c", 13, "nothing follows `else`: a statement ends here"),
        ("a -> b always -> c", 15, "nothing follows `always`: a guard stands after the last arrow only"),
        ("a -> b by", 10, "`by` needs a key or a function, as in `by next` or `by route()`"),
        ("a -> b by if", 11, "'if' is a reserved word and cannot name a key"),
        ("a -> b by route(x)", 17, "`by` calls a function without arguments: `by route()`"),
        ("a -> b by x.y", 12, "nothing follows `by x`"),
        ("a -> b each", 12, "`each` needs a key that holds a list, as in `each items as item`"),
        ("a -> b each items", 18, "`each items` goes on with `as` and a name for one item"),
        ("a -> b each items ass item", 19, "`each items` goes on with `as`"),
        ("a -> b each items as", 21, "`as` needs a name for one item"),
        ("a -> b each items as error", 22, "'error' is a reserved word and cannot name an item"),
        ("a -> END each items as item", 6, "END runs nothing and so cannot run for each item"),
        ("a -> b on", 10, "`on` goes on with `error`"),
        ("a -> b on eror", 11, "`on` goes on with `error`"),
        ("START -> a on error", 1, "START runs nothing and so cannot fail"),
        ("a -> b max", 8, "`max` needs a whole number, as in `max 3`"),
        ("a -> b if x max", 13, "`max` needs a whole number"),
        ("a -> b if x max n", 17, "`max` needs a whole number"),
        ("a -> b if x max -1", 17, "`max` needs a whole number"),
        ("a -> b if x max 2.5", 17, "`max` needs a whole number"),
        ("a -> b if x max 1" + "0" * 5000, 17, "`max` needs a whole number"),
        ("a -> b max(3)", 8, "`max` needs a whole number"),
        ("a -> b if x max 0", 17, "`max` is 1 at least"),
        ("a -> b if x max 3 and y", 19, "`max 3` ends a statement"),
        ("a -> b max 3", 8, "only `if` and `by` edges carry `max`"),
        ("a -> b else max 3", 13, "only `if` and `by` edges carry `max`"),
        ("a -> b always max 3", 15, "only `if` and `by` edges carry `max`"),
        ("a -> b each x as y max 3", 20, "only `if` and `by` edges carry `max`"),
        ("a -> b on error max 3", 17, "only `if` and `by` edges carry `max`"),
    ],
)
def test_a_text_is_refused_where_it_is_wrong(text: str, column: int, message: str) -> None:
    error = refusal(f"# first\n\n{text}\n")
    assert message in str(error)
    assert (error.line, error.column, error.what) == (3, column, "edges")


def test_an_error_shows_its_line_with_a_caret() -> None:
    shown = str(refusal("a -> b\n\tb -> c esle; c -> d"))
    assert shown.endswith("\n    \tb -> c esle; c -> d\n    \t       ^")


def test_an_error_in_a_condition_counts_in_the_whole_text() -> None:
    error = refusal("a -> b; é -> c if (\n  x <\n  errr and y ** 2)\n")
    assert (error.line, error.column, error.what) == (3, 14, "edges")


# -- properties --------------------------------------------------------------------------------------------------------

NAMES = st.from_regex(r"[^\W\d]\w{0,5}", fullmatch=True).map(lambda name: "n" + name)


def is_name(name: str) -> bool:
    try:
        return check_name(name, "node") == name
    except DeclarationError:
        return False


NAMES = NAMES.filter(is_name)
GROUPS = st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple)
CONDITIONS = st.builds(
    "{} {} {}".format, NAMES, st.sampled_from(["<", "in", "and not", "or", "+"]), st.one_of(NAMES, st.text().map(repr))
)
GUARDS = st.one_of(
    st.builds(Guard, st.sampled_from(["plain", "else", "always", "error"])),
    st.builds(when, CONDITIONS),
    st.builds(lambda key: Guard("by", key=key), NAMES),
    st.builds(lambda name: Guard("by", function=name), NAMES),
    st.builds(lambda key, item: Guard("each", key=key, item=item), NAMES, NAMES),
)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    guard = draw(GUARDS)
    limit = draw(st.none() | st.integers(1, 10**8)) if guard.kind in ("if", "by") else None
    return Statement(draw(GROUPS), draw(GROUPS), guard, limit)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(statements(), max_size=4), st.sampled_from(["\n", "; ", "\r\n", " # so\n\n"]))
def test_what_is_printed_is_read_again(written: list[Statement], between: str) -> None:
    text = between.join(map(str, written))
    assert parse(text) == tuple(written)
    assert [str(statement) for statement in parse(text)] == [str(statement) for statement in written]


WORDS = st.sampled_from(
    [
        *("a", "b", "START", "END", "if", "else", "always", "by", "each", "as", "on", "error", "max", "3", "0", "é"),
        *("->", ",", ";", "\n", "\r", "(", ")", "[", "]", "'", '"', "'->'", "# x", "\\", ".", "→", "=>", "\x00", " "),
        *("x < 7", "f()"),
    ]
)


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(), st.lists(WORDS).map(" ".join), st.lists(WORDS).map("".join)))
@example("a -> b if x\\\n -> c")
@example("a -> b if '''\r\n''' ** 2")
@example("\u2028a -> \u2028")
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    found = read(text)
    if isinstance(found, TextError):
        assert (found.what, found.text) == ("edges", text)
        assert str(found).startswith(f"edges, line {found.line}: ")
        assert str(found).endswith("^")
    else:
        assert parse("\n".join(map(str, found))) == found


@settings(deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=6).map(" ".join))
def test_comments_and_empty_lines_change_nothing(text: str) -> None:
    assume("\n" not in text and "\r" not in text and "#" not in text)
    before, after = read(text), read(f"# x\n\n{text} # y\n")
    if isinstance(before, TextError):
        assert isinstance(after, TextError)
        assert after.message == before.message
    else:
        assert after == before
