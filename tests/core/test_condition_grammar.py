"""The allow-list of conditions: what of Python's tree it takes, and how pieces print in each other."""

import ast
import types

import pytest

from nbgraph.core.condition_grammar import SUM, TIGHTEST, Grammar, Piece
from nbgraph.core.condition_text import ConditionText
from nbgraph.errors import TextError


def grammar(text: str) -> Grammar:
    return Grammar(ConditionText(text, text, 0, "condition"))


def test_a_piece_stands_in_brackets_where_the_place_binds_more_tightly() -> None:
    piece = Piece(lambda values: 3, ("1 + 2",), SUM)
    assert piece.within(SUM) == ("1 + 2",)
    assert piece.within(TIGHTEST) == ("(", "1 + 2", ")")


def test_the_keys_are_collected_while_reading() -> None:
    reader = grammar("len(a) > b.c")
    assert reader.read().text == "len(a) > b.c"
    assert reader.keys == {"a", "b"}


def test_the_allow_list_is_short() -> None:
    assert set(Grammar.builders) == {
        *(ast.Constant, ast.Name, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare),
        *(ast.Subscript, ast.Attribute, ast.Call, ast.Tuple, ast.List, ast.Set),
    }


INSIDES = {
    *(types.FrameType, types.GeneratorType, types.CoroutineType),
    *(types.AsyncGeneratorType, types.CodeType, types.TracebackType),
}


@pytest.mark.parametrize("name", sorted({name for kind in INSIDES for name in dir(kind) if "_" in name} | {"mro"}))
def test_an_inside_of_python_is_refused_where_it_stands(name: str) -> None:
    with pytest.raises(TextError) as caught:
        grammar(f"score < x.{name}").read()
    assert f"'{name}'" in str(caught.value)
    assert caught.value.column == len("score < x.") + 1
