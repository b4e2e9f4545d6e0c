"""Grammar of conditions: an allow-list that turns Python's tree into closures, printed in canonical parts.

The text itself is never compiled or evaluated, so what is not on the list cannot happen.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

from nbgraph.core import condition_operations as operations
from nbgraph.core.condition_operations import FUNCTIONS, Compare, Evaluate, Missing, Values
from nbgraph.core.condition_parts import Parts, Read, cut, joined, printed
from nbgraph.core.condition_text import DEEPEST, ConditionText
from nbgraph.core.names import RESERVED
from nbgraph.errors import nearest

LARGEST_INTEGER = 10**100

# How tightly the forms bind, loosest first.
OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, TIGHTEST = range(8)


@dataclass(frozen=True, slots=True)
class Piece:
    """A compiled part of a condition: its value, its canonical text in parts, and how tightly that binds."""

    value: Evaluate
    parts: Parts
    strength: int = TIGHTEST

    @property
    def text(self) -> str:
        return printed(self.parts)

    def within(self, strength: int) -> Parts:
        """The parts, in brackets where the place binds more tightly than the piece."""
        return self.parts if self.strength >= strength else ("(", *self.parts, ")")


class Grammar:
    """Reads one text; collects the keys that it reads."""

    def __init__(self, source: ConditionText) -> None:
        self.source, self.fail = source, source.fail
        self.keys: set[str] = set()
        self.depth = 0

    def read(self) -> Piece:
        piece = self.build(self.source.tree())
        self.source.check_length(piece.text)
        return piece

    def build(self, node: ast.expr) -> Piece:
        build = self.builders.get(type(node))
        if build is None:
            self.refuse(node)
        self.depth += 1
        if self.depth > DEEPEST:
            self.source.refuse_depth(self.source.start(node))
        piece = build(self, node)
        self.depth -= 1
        return piece

    def constant(self, node: ast.Constant) -> Piece:
        value = node.value
        if value is None or isinstance(value, (bool, str)):
            return Piece(lambda values: value, (repr(value),))
        if not isinstance(value, (int, float)):
            self.refuse(node)
        if value >= LARGEST_INTEGER and (isinstance(value, int) or math.isinf(value)):
            self.fail("the number is too large; a whole number has 100 digits at most", self.source.start(node))
        return Piece(lambda values: value, (repr(value),), SIGN)  # as a field of 1 cannot be written `1.x`

    def name(self, node: ast.Name) -> Piece:
        key = node.id
        if key in RESERVED:
            self.fail(f"{key!r} is a reserved word and no key; a text stands in quotes", self.source.start(node))
        self.keys.add(key)

        def read(values: Values) -> Any:
            try:
                return values[key]
            except KeyError:
                raise Missing(key) from None

        return _reading(key, read)

    def either(self, node: ast.BoolOp) -> Piece:
        word, strength = (" or ", OR) if isinstance(node.op, ast.Or) else (" and ", AND)
        pieces = [self.build(operand) for operand in node.values]
        parts = joined(word, [piece.within(strength + 1) for piece in pieces])
        decide = operations.decided([(piece.value, piece.text) for piece in pieces], strength == OR)
        return Piece(decide, parts, strength)

    def sign(self, node: ast.UnaryOp) -> Piece:
        operand = self.build(node.operand)
        value, text = operand.value, operand.text
        if isinstance(node.op, ast.Not):
            return Piece(lambda values: not operations.truth(value(values), text), ("not ", *operand.within(NOT)), NOT)
        if isinstance(node.op, ast.USub):
            return Piece(lambda values: -value(values), ("-", *operand.within(SIGN)), SIGN)
        self.refuse(node)

    def arithmetic(self, node: ast.BinOp) -> Piece:
        if type(node.op) not in _ARITHMETIC:
            self.refuse_operator(node.left)
        sign, strength, apply = _ARITHMETIC[type(node.op)]
        left, right = self.build(node.left), self.build(node.right)
        first, second = left.value, right.value
        parts = (*left.within(strength), f" {sign} ", *right.within(strength + 1))
        return Piece(lambda values: apply(first(values), second(values)), parts, strength)

    def comparison(self, node: ast.Compare) -> Piece:
        nodes = [node.left, *node.comparators]
        pieces = [self.build(operand) for operand in nodes]
        links: list[tuple[Compare, Evaluate]] = []
        parts = pieces[0].within(SUM)
        for number, link in enumerate(node.ops):
            sign, compare = _COMPARISONS[type(link)]
            if sign.startswith("is") and not any(map(_is_none, nodes[number : number + 2])):
                self.fail("`is` compares with None only; use == for other values", self.source.after(nodes[number]))
            right = pieces[number + 1]
            links.append((compare, right.value))
            parts = (*parts, f" {sign} ", *right.within(SUM))
        return Piece(operations.compared(pieces[0].value, links, printed(parts)), parts, COMPARISON)

    def item(self, node: ast.Subscript) -> Piece:
        target, index = self.build(node.value), self.build(node.slice)
        container, place = target.value, index.value
        text = f"{printed(target.within(TIGHTEST))}[{index.text}]"
        return _reading(text, lambda values: container(values)[place(values)])

    def attribute(self, node: ast.Attribute) -> Piece:
        name, place = node.attr, self.source.skip(self.source.after(node.value) + 1)
        if name.startswith("_"):
            self.fail(f"a condition reads no name that starts with _, as {name!r} does", place)
        if name in _INTROSPECTION:
            self.fail(f"a condition cannot look into Python itself, as {name!r} does", place)
        target = self.build(node.value)
        owner, text = target.value, printed(target.within(TIGHTEST))
        return _reading(f"{text}.{name}", lambda values: operations.attribute(owner(values), name, text))

    def call(self, node: ast.Call) -> Piece:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS:
            known = nearest(name, FUNCTIONS)
            self.fail(f"a condition calls only {' '.join(FUNCTIONS)}{known}", self.source.start(node.func))
        function, most = FUNCTIONS[name]
        if node.keywords or not 1 <= len(node.args) <= most:
            count = "one argument" if most == 1 else "one argument or more"
            self.fail(f"{name} takes {count}, by position", self.source.start(node))
        pieces = [self.build(argument) for argument in node.args]
        arguments = [piece.value for piece in pieces]
        text = f"{name}({', '.join(piece.text for piece in pieces)})"
        return _reading(text, lambda values: function(*[argument(values) for argument in arguments]))

    def display(self, node: ast.Tuple | ast.List | ast.Set) -> Piece:
        make, before, after = _DISPLAYS[type(node)]
        pieces = [self.build(item) for item in node.elts]
        items = [piece.value for piece in pieces]
        comma = "," if make is tuple and len(items) == 1 else ""
        parts = (before, *joined(", ", [piece.parts for piece in pieces]), comma + after)
        return Piece(lambda values: make([item(values) for item in items]), parts)

    builders: ClassVar[dict[type[ast.expr], Callable[[Grammar, Any], Piece]]] = {
        ast.Constant: constant,
        ast.Name: name,
        ast.BoolOp: either,
        ast.UnaryOp: sign,
        ast.BinOp: arithmetic,
        ast.Compare: comparison,
        ast.Subscript: item,
        ast.Attribute: attribute,
        ast.Call: call,
        ast.Tuple: display,
        ast.List: display,
        ast.Set: display,
    }

    def refuse(self, node: ast.expr) -> NoReturn:
        begin, end = self.source.start(node), self.source.end(node)
        self.fail(f"`{cut(self.source.text[begin:end])}` cannot stand in a condition; {_ALLOWED}", begin)

    def refuse_operator(self, left: ast.expr) -> NoReturn:
        position = self.source.after(left)
        sign = re.sub(r"[^*<>]\Z", "", self.source.text[position : position + 2])
        self.fail(f"`{sign}` cannot stand in a condition; {_ALLOWED}", position)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _reading(text: str, value: Evaluate) -> Piece:
    return Piece(value, (Read(text, value),))


_INSIDES = (  # of Python: what leads to frames, and from there to everything
    *(types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType),
    *(types.FrameType, types.CodeType, types.TracebackType),
)
_INTROSPECTION = {"mro", *(name for kind in _INSIDES for name in dir(kind) if "_" in name)}
_COMPARISONS: dict[type[ast.cmpop], tuple[str, Compare]] = {
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.In: ("in", lambda left, right: left in right),
    ast.NotIn: ("not in", lambda left, right: left not in right),
    ast.Is: ("is", operator.is_),
    ast.IsNot: ("is not", operator.is_not),
}
_ARITHMETIC: dict[type[ast.operator], tuple[str, int, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", SUM, operations.add),
    ast.Sub: ("-", SUM, operator.sub),
    ast.Mult: ("*", PRODUCT, operations.multiply),
    ast.Div: ("/", PRODUCT, operator.truediv),
    ast.FloorDiv: ("//", PRODUCT, operator.floordiv),
    ast.Mod: ("%", PRODUCT, operations.remainder),
}
_DISPLAYS: dict[type[ast.expr], tuple[Callable[[Any], Any], str, str]] = {
    ast.Tuple: (tuple, "(", ")"),
    ast.List: (list, "[", "]"),
    ast.Set: (set, "{", "}"),
}
_ALLOWED = (
    "a condition may hold keys, constants, comparisons, and/or/not, + - * / // %, in, x[i], "
    f"declared fields (x.name) and the functions {' '.join(FUNCTIONS)}"
)
