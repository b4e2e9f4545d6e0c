"""The tokens of the edge language: what a word or sign is, and where a chain of arrows ends."""

import pytest

from nbgraph.core.edge_tokens import Token, chains, tokenize
from nbgraph.errors import TextError


def kinds(text: str) -> list[str]:
    return [token.kind for token in tokenize(text)]


def test_a_token_knows_its_place_and_depth() -> None:
    assert tokenize("a (b)")[2] == Token("name", "b", 3, 1)
    assert tokenize("a (b)")[2].end == 4
    assert [token.depth for token in tokenize("a (b [c]) d")] == [0, 0, 1, 1, 2, 1, 0, 0]


def test_blanks_and_comments_are_no_tokens() -> None:
    assert kinds(" a\t# b -> c") == ["name"]
    assert tokenize("# nothing") == []


@pytest.mark.parametrize("text", ["a ->\nb", "a\n-> b", "a\n\n# so\n-> b"])
def test_a_line_that_goes_on_has_no_newline(text: str) -> None:
    assert kinds(text) == ["name", "arrow", "name"]


def test_a_string_is_one_token() -> None:
    assert kinds("""r'->' "a;b" '''\n'''""") == ["string", "string", "string"]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a (b", 3, "never closed"),
        ("a)", 2, "never opened"),
        ("(a]", 3, "`]` closes no `(`"),
        ("a 'b", 3, "has no end"),
    ],
)
def test_what_does_not_close_is_refused(text: str, column: int, message: str) -> None:
    with pytest.raises(TextError, match=message.replace("(", r"\(").replace("]", r"\]")) as caught:
        tokenize(text)
    assert caught.value.column == column


def test_chains_end_with_lines_and_semicolons_outside_brackets() -> None:
    found = ["".join(token.text for token in chain) for chain in chains(tokenize("a -> b; ;c ->\nd\n\ne (f;g)"))]
    assert found == ["a->b", "c->d", "e(f;g)"]
