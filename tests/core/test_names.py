"""Names: which ones nodes, keys, functions and items may have."""

import pytest

from nbgraph.core.names import RESERVED, check_name
from nbgraph.errors import DeclarationError


@pytest.mark.parametrize("name", ["a", "_a", "writer2", "Entwurf", "überblick", "草稿", "हिन्दी", "match"])
def test_a_name_is_an_identifier(name: str) -> None:
    assert check_name(name, "node") == name


def test_a_name_is_spelt_as_python_spells_it() -> None:
    assert check_name("ﬁt", "key") == "fit"


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_word_is_no_name(name: str) -> None:
    with pytest.raises(DeclarationError, match=f"'{name}' is a reserved word and cannot name a node"):
        check_name(name, "node")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("class", "'class' is a Python keyword and cannot name an item"),
        ("my-node", "'my-node' cannot name an item: a name holds letters, digits and _, no digit first"),
        ("2nd", "cannot name an item"),
        ("", "'' cannot name an item"),
    ],
)
def test_a_name_says_what_is_wrong_with_it(name: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        check_name(name, "item")
