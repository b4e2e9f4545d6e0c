"""How the text of a condition is read: what Python's parser refuses or only warns of, and where carets point."""

import ast
import contextlib
import warnings
from typing import Any, NoReturn

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbgraph.core.condition_text import ConditionText
from nbgraph.core.conditions import parse
from nbgraph.errors import TextError


def refusal(text: str, **places: Any) -> TextError:
    with pytest.raises(TextError) as caught:
        parse(text, **places)
    return caught.value


# -- places ------------------------------------------------------------------------------------------------------------


def test_a_place_counts_in_the_whole_text() -> None:
    whole = "a -> b\né -> c if  x <\\\n y ** 2"
    start = whole.index("  x <")
    error = refusal(whole[start:], within=whole, offset=start, what="edges")
    assert (error.line, error.column, error.what) == (3, 4, "edges")
    assert str(error).endswith("\n     y ** 2\n       ^")


def test_a_place_counts_signs_and_not_bytes() -> None:
    assert refusal("'äöü€😀' == x ** 2").column == 14


def test_a_node_knows_where_it_starts_and_ends() -> None:
    text = ConditionText("  ('é' +  # why\n x)", "", 0, "condition")
    node = text.tree()
    assert isinstance(node, ast.BinOp)
    assert (text.start(node.left), text.end(node.left), text.after(node.left)) == (1, 4, 5)
    assert text.skip(6) == text.start(node.right)


def test_what_python_cannot_parse_for_depth_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("ast.parse", overflow)
    assert "nests 40 levels at most" in str(refusal("x"))


# -- warnings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [r"'\d'", "1 is 1", "() is x", "1if x else 2", "x is 'a'"])
def test_no_warning_gets_out(text: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        refusal(text)
    assert not caught


def test_reading_leaves_the_filters_of_warnings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object, **__: object) -> NoReturn:
        raise AssertionError("they belong to the whole process, where another thread may be warning")

    with monkeypatch.context() as patched:
        for name in ("catch_warnings", "simplefilter", "filterwarnings", "resetwarnings"):
            patched.setattr(warnings, name, touched)
        assert parse("score<7").text == "score < 7"
        error = refusal(r"x == '\d'")
    assert "invalid escape sequence" in str(error)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("1if x else 2", 2, "a blank is missing after the number"),
        ("x or 0xfor y", 9, "a blank is missing after the number"),
        ("x in (1, 1.5e3and y)", 15, "a blank is missing after the number"),
        ("'1if' == 1.or x", 12, "a blank is missing after the number"),
        ("0b1_1in x", 6, "a blank is missing after the number"),
        ("1jnot in x", 3, "a blank is missing after the number"),
        (r"x == 'a\\\d'", 6, r"invalid escape sequence '\d'; a backslash is written `\\`"),
        (r"x == '\400'", 6, r"invalid escape sequence '\400'"),
        ('x == """\n\\8"""', 6, r"invalid escape sequence '\8'"),
        (r"x == r'\d' 'b' '\ '", 16, r"invalid escape sequence '\ '"),
        (r"x == u'\é'", 6, r"invalid escape sequence '\é'"),
        (r"x == b'\d'", 6, r"`b'\d'` cannot stand in a condition; write a plain string"),
        (r"x == rB'\d'", 6, "cannot stand in a condition; write a plain string"),
        (r"x == 'a' f'\d'", 10, "cannot stand in a condition; write a plain string"),
        (r"x == t'{x}'", 6, "cannot stand in a condition; write a plain string"),
        ("'1if", 1, "unterminated string literal"),
        ("'''1if", 1, "unterminated triple-quoted string literal"),
    ],
)
def test_what_python_would_warn_of_is_refused(text: str, column: int, message: str) -> None:
    error = refusal(text)
    assert message in str(error)
    assert error.column == column


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (r"r'\d'or'd' in y", r"'\\d' or 'd' in y"),
        (r"'\\d' == '\'\"\a\b\f\n\r\t\v\0\7\47\377\x41\N{DIGIT ONE}\u0041\U00000041'", None),
        ("'a\\\nb' == 'a\\\r\nb'", "'ab' == 'ab'"),
        ("(x  # it's 1if '\\d'\n)", "x"),
        ("x1if == हि1if", "x1if == हि1if"),
        ("(1)or 0xf or 1_0 or 1e5 or .5", "1 or 15 or 10 or 100000.0 or 0.5"),
        ("'1if' in '''\n'1if'\n'''", r"""'1if' in "\n'1if'\n" """.strip()),
    ],
)
def test_what_python_reads_without_a_warning_is_read(text: str, canonical: str | None) -> None:
    condition = parse(text)
    assert condition.text == canonical or canonical is None
    assert condition.text == parse(condition.text).text


SIGNS = st.sampled_from(
    [
        *(
            "1",
            "0x",
            "f",
            "0o7",
            "1_0",
            "1e",
            "5",
            "j",
            ".",
            "for ",
            "if ",
            "else ",
            "or ",
            "not ",
            "in ",
            "is ",
            "and ",
        ),
        *("\\", "\\d", "\\4", "00", "\\x", "\\N", "{a}", "'", '"', "'''", '"""', "b'", "r'", 'R"', "ur'"),
        *("\n", "\r\n", "#", "हि", " ", "x ", "[", "]", "(", ")", "x == "),
    ]
)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.lists(SIGNS, max_size=10).map("".join))
@example("'\\\r\n' == 1if")
@example("f'{1if x else 2}\\d'")
def test_no_text_makes_python_warn(text: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with contextlib.suppress(TextError):
            parse(text)
    assert not caught
