"""The condition language: what stands after `if` on an edge.

Python's parser reads the text, an allow-list takes from it the few things a condition may hold, and these become
closures once. The text itself is never compiled or evaluated, so what is not on the list cannot happen.
"""

from __future__ import annotations

import ast
import dataclasses
import math
import numbers
import operator
import re
import reprlib
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

from nbgraph.errors import ConditionFailed, MissingKey, RunError, TextError, nearest

_GUARD_WORDS = frozenset({"if", "else", "always", "by", "each", "as", "on", "error", "max"})
RESERVED = _GUARD_WORDS | {"START", "END", "step", "after", "parallel", "ctx"}

LONGEST_TEXT = 2_000  # characters, also of the canonical text, so that it can be parsed again
DEEPEST = 40  # levels of nesting
LARGEST_INTEGER = 10**100
LARGEST_PRODUCT = 10_000  # bits: state may hold any integer, and products of products grow fast
LARGEST_SUM = 100_000  # items of two strings or lists added
MOST_DIGITS = 100  # round(1, -10**9) would compute 10**(10**9)
SHOWN = 24  # characters of a value in an explanation

Values = Mapping[str, Any]
Evaluate = Callable[[Values], Any]
Compare = Callable[[Any, Any], Any]

# How tightly the forms bind, loosest first.
OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, TIGHTEST = range(8)


class _Missing(Exception):
    """A key that the values do not hold."""


class _Refused(Exception):
    """Values that this language does not judge; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Read:
    """A part of a condition that reads state, such as `score` or `len(items)`."""

    text: str
    value: Evaluate


Parts = tuple[str | Read, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A compiled part of a condition: its value, its canonical text in parts, and how tightly that binds."""

    value: Evaluate
    parts: Parts
    strength: int = TIGHTEST

    @property
    def text(self) -> str:
        return _text(self.parts)

    def within(self, strength: int) -> Parts:
        """The parts, in brackets where the place binds more tightly than the piece."""
        return self.parts if self.strength >= strength else ("(", *self.parts, ")")


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition, ready to be judged; equal to another one with the same canonical text.

    Args:
        text: the canonical text; parsing it gives an equal condition.
        keys: the keys it reads.
    """

    text: str
    keys: frozenset[str] = field(compare=False)
    _value: Evaluate = field(compare=False, repr=False)
    _parts: Parts = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    def holds(self, values: Values) -> bool:
        """Whether the condition is true of `values`.

        Raises:
            MissingKey: a key it reads is not among the values.
            ConditionFailed: the values cannot be judged, as in `None < 7`.
        """
        try:
            return _truth(self._value(values), self.text)
        except (_Missing, _Refused) as error:
            raise self._failure(error, values) from None
        except Exception as error:
            raise self._failure(error, values) from error

    def explain(self, values: Values) -> str:
        """The condition with its values, as `score 6 < 7`; never raises."""
        return "".join(part if isinstance(part, str) else _explained(part, values) for part in self._parts)

    def _failure(self, error: Exception, values: Values) -> RunError:
        if isinstance(error, _Missing):
            (key,) = error.args
            known = nearest(key, values)
            return MissingKey(f"condition `{self.text}` needs the key {key!r}, which nothing has set{known}")
        reason = str(error) if isinstance(error, _Refused) else f"{type(error).__name__}: {error}"
        return ConditionFailed(f"condition `{self.text}` cannot be judged with `{self.explain(values)}`: {reason}")


def parse(text: str, *, within: str | None = None, offset: int = 0, what: str = "condition") -> Condition:
    """Read a condition.

    Args:
        text: the condition.
        within: the whole text that it stands in, for the place of an error; else `text` itself.
        offset: where `text` begins in `within`.
        what: what is being read, for the message of an error.

    Raises:
        TextError: it cannot be read or holds what a condition may not hold.
    """
    return _Reader(text, text if within is None else within, offset, what).condition()


def fault(message: str, text: str, position: int, what: str) -> TextError:
    """A TextError that points at a position in `text`."""
    before = (text[:position] + "^").splitlines()  # splitlines, as TextError finds its lines that way
    return TextError(message, text, len(before), len(before[-1]), what)


class _Reader:
    """Turns one text into a condition; knows where it stands, for the carets of errors."""

    def __init__(self, text: str, within: str, offset: int, what: str) -> None:
        self.text, self.within, self.what = text.strip(), within, what
        self.offset = offset + text.index(self.text)
        self.lines = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))]  # as Python counts them
        self.keys: set[str] = set()
        self.depth = 0

    def condition(self) -> Condition:
        piece = self.build(self.tree())
        self.check_length(piece.text)
        return Condition(piece.text, frozenset(self.keys), piece.value, piece.parts)

    def tree(self) -> ast.expr:
        if not self.text:
            self.fail("a condition is missing", 0)
        self.check_length(self.text)
        if odd := re.search("[\0\ud800-\udfff]", self.text):
            self.fail(f"a condition cannot hold the sign {odd.group()!r}", odd.start())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # Python warns of doubtful texts, such as "\d": a SyntaxError then
                return ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            self.refuse_syntax(error)
        except (RecursionError, MemoryError):
            self.refuse_depth(0)

    def build(self, node: ast.expr) -> Piece:
        build = self.builders.get(type(node))
        if build is None:
            self.refuse(node)
        self.depth += 1
        if self.depth > DEEPEST:
            self.refuse_depth(self.start(node))
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
            self.fail("the number is too large; a whole number has 100 digits at most", self.start(node))
        return Piece(lambda values: value, (repr(value),), SIGN)  # as a field of 1 cannot be written `1.x`

    def name(self, node: ast.Name) -> Piece:
        key = node.id
        if key in RESERVED:
            self.fail(f"{key!r} is a reserved word and no key; a text stands in quotes", self.start(node))
        self.keys.add(key)

        def read(values: Values) -> Any:
            try:
                return values[key]
            except KeyError:
                raise _Missing(key) from None

        return _reading(key, read)

    def either(self, node: ast.BoolOp) -> Piece:
        word, strength = (" or ", OR) if isinstance(node.op, ast.Or) else (" and ", AND)
        pieces = [self.build(operand) for operand in node.values]
        parts = _joined(word, [piece.within(strength + 1) for piece in pieces])
        return Piece(_decided([(piece.value, piece.text) for piece in pieces], strength == OR), parts, strength)

    def sign(self, node: ast.UnaryOp) -> Piece:
        operand = self.build(node.operand)
        value, text = operand.value, operand.text
        if isinstance(node.op, ast.Not):
            return Piece(lambda values: not _truth(value(values), text), ("not ", *operand.within(NOT)), NOT)
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
                self.fail("`is` compares with None only; use == for other values", self.after(nodes[number]))
            right = pieces[number + 1]
            links.append((compare, right.value))
            parts = (*parts, f" {sign} ", *right.within(SUM))
        return Piece(_compared(pieces[0].value, links, _text(parts)), parts, COMPARISON)

    def item(self, node: ast.Subscript) -> Piece:
        target, index = self.build(node.value), self.build(node.slice)
        container, place = target.value, index.value
        text = f"{_text(target.within(TIGHTEST))}[{index.text}]"
        return _reading(text, lambda values: container(values)[place(values)])

    def attribute(self, node: ast.Attribute) -> Piece:
        name = node.attr
        if name.startswith("_"):
            self.fail(f"a condition reads no name that starts with _, as {name!r} does", self.after(node.value) + 1)
        target = self.build(node.value)
        owner, text = target.value, _text(target.within(TIGHTEST))
        return _reading(f"{text}.{name}", lambda values: _attribute(owner(values), name, text))

    def call(self, node: ast.Call) -> Piece:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _FUNCTIONS:
            known = nearest(name, _FUNCTIONS)
            self.fail(f"a condition calls only {' '.join(_FUNCTIONS)}{known}", self.start(node.func))
        function, most = _FUNCTIONS[name]
        if node.keywords or not 1 <= len(node.args) <= most:
            count = "one argument" if most == 1 else "one argument or more"
            self.fail(f"{name} takes {count}, by position", self.start(node))
        pieces = [self.build(argument) for argument in node.args]
        arguments = [piece.value for piece in pieces]
        text = f"{name}({', '.join(piece.text for piece in pieces)})"
        return _reading(text, lambda values: function(*[argument(values) for argument in arguments]))

    def display(self, node: ast.Tuple | ast.List | ast.Set) -> Piece:
        make, before, after = _DISPLAYS[type(node)]
        pieces = [self.build(item) for item in node.elts]
        items = [piece.value for piece in pieces]
        comma = "," if make is tuple and len(items) == 1 else ""
        parts = (before, *_joined(", ", [piece.parts for piece in pieces]), comma + after)
        return Piece(lambda values: make([item(values) for item in items]), parts)

    builders: ClassVar[dict[type[ast.expr], Callable[[_Reader, Any], Piece]]] = {
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

    def check_length(self, text: str) -> None:
        if len(text) > LONGEST_TEXT:
            self.fail(f"a condition has {LONGEST_TEXT:,} characters at most; put the rest into a node", 0)

    def refuse_depth(self, position: int) -> NoReturn:
        self.fail(f"a condition nests {DEEPEST} levels at most; put the rest into a node", position)

    def refuse(self, node: ast.expr) -> NoReturn:
        begin, end = self.start(node), self.place(node.end_lineno, node.end_col_offset)
        self.fail(f"`{_cut(self.text[begin:end])}` cannot stand in a condition; {_ALLOWED}", begin)

    def refuse_operator(self, left: ast.expr) -> NoReturn:
        position = self.after(left)
        sign = re.sub(r"[^*<>]\Z", "", self.text[position : position + 2])
        self.fail(f"`{sign}` cannot stand in a condition; {_ALLOWED}", position)

    def refuse_syntax(self, error: SyntaxError) -> NoReturn:
        end = len(self.text)
        line = min(error.lineno or 1, len(self.lines)) - 1
        position = min(self.lines[line] + error.offset - 1, end) if error.offset else end
        if self.text[position - 1 : position + 1] in _HINTS:
            position -= 1  # Python points at the second half of `&&`
        hints = (hint for sign, hint in _HINTS.items() if self.text.startswith(sign, position))
        reason = next(hints, re.sub(r" \(detected at line \d+\)", "", error.msg))
        self.fail(f"this cannot be read as a condition: {reason}", position)

    def fail(self, message: str, position: int) -> NoReturn:
        raise fault(message, self.within, self.offset + position, self.what)

    def start(self, node: ast.expr) -> int:
        return self.place(node.lineno, node.col_offset)

    def after(self, node: ast.expr) -> int:
        """Where the sign after a node stands."""
        tail = self.text[self.place(node.end_lineno, node.end_col_offset) :]
        return len(self.text) - len(re.sub(r"\A(?:[\s)\\]|#[^\r\n]*)*", "", tail))

    def place(self, line: int | None, column: int | None) -> int:
        """The position of what Python places by line and by bytes in it."""
        begin = self.lines[(line or 1) - 1]
        return begin + len(self.text[begin:].encode()[:column].decode())


def _text(parts: Parts) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def _joined(between: str, pieces: list[Parts]) -> Parts:
    return tuple(part for parts in pieces for part in (between, *parts))[1:]


def _reading(text: str, value: Evaluate) -> Piece:
    return Piece(value, (Read(text, value),))


def _explained(part: Read, values: Values) -> str:
    try:
        return f"{part.text} {_shown(part.value(values))}"
    except Exception:  # holds() tells what is wrong
        return f"{part.text} (no value)"


def _shown(value: Any) -> str:
    try:
        return _cut(re.sub(r"\s*\n\s*", " ", _short.repr(value)))
    except Exception:  # whatever a value's own repr raises
        return f"<{type(value).__name__}>"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _compared(first: Evaluate, links: list[tuple[Compare, Evaluate]], text: str) -> Evaluate:
    if len(links) == 1:
        ((compare, second),) = links
        return lambda values: compare(first(values), second(values))

    def chain(values: Values) -> Any:
        left, found = first(values), True
        for compare, value in links:
            if not _truth(found, text):
                return found
            right = value(values)
            left, found = right, compare(left, right)
        return found

    return chain


def _decided(operands: list[tuple[Evaluate, str]], decisive: bool) -> Evaluate:
    """The first operand whose truth is `decisive`, else the last one: `or` and `and`, as in Python."""
    *firsts, (last, _) = operands

    def decide(values: Values) -> Any:
        for value, text in firsts:
            found = value(values)
            if _truth(found, text) is decisive:
                return found
        return last(values)

    return decide


def _truth(value: Any, text: str) -> bool:
    try:
        return bool(value)
    except Exception:  # whatever a value's own __bool__ raises
        remedy = f"say what is meant, such as `len({text if text.isidentifier() else 'x'}) > 0`"
        kind = type(value).__name__
        raise _Refused(f"`{text}` is a {kind}, neither true nor false by itself; {remedy}") from None


def _check_numbers(sign: str, *values: Any) -> None:
    for value in values:
        if not isinstance(value, (int, float, numbers.Number)):
            raise _Refused(f"`{sign}` is for numbers only, not for a {type(value).__name__}")


def _add(left: Any, right: Any) -> Any:
    sized = (str, bytes, list, tuple)
    if isinstance(left, sized) and isinstance(right, sized) and len(left) + len(right) > LARGEST_SUM:
        raise _Refused(f"a sum may hold {LARGEST_SUM:,} items at most")
    return left + right


def _multiply(left: Any, right: Any) -> Any:
    _check_numbers("*", left, right)
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > LARGEST_PRODUCT:
        raise _Refused("the numbers are too large to be multiplied")
    return left * right


def _remainder(left: Any, right: Any) -> Any:
    _check_numbers("%", left, right)
    return left % right


def _round(value: Any, digits: Any = None) -> Any:
    _check_numbers("round", value)
    if digits is not None and not (isinstance(digits, int) and abs(digits) <= MOST_DIGITS):
        raise _Refused(f"round takes a whole number of digits up to {MOST_DIGITS}")
    return round(value, digits)


def _attribute(value: Any, name: str, text: str) -> Any:
    declared, kind = _fields(type(value)), type(value).__name__
    if name in declared:
        return getattr(value, name)
    if declared:
        raise _Refused(f"`{text}` is a {kind}, which declares no field {name!r}{nearest(name, declared)}")
    raise _Refused(f"`{text}` is a {kind}, which declares no fields; an item is read as `{text}[{name!r}]`")


def _fields(kind: type) -> Collection[str]:
    """The declared fields of a type, which are all that an attribute may name."""
    if dataclasses.is_dataclass(kind):
        return [declared.name for declared in dataclasses.fields(kind)]
    for name in ("__pydantic_fields__", "model_fields"):
        declared = getattr(kind, name, None)
        if isinstance(declared, Mapping):
            return declared
    return getattr(kind, "_fields", ()) if issubclass(kind, tuple) else ()


_short = reprlib.Repr()  # looks at no more of a list than is shown
_short.maxstring = _short.maxother = _short.maxlong = 4 * SHOWN
_short.fillvalue = "…"

_FUNCTIONS: dict[str, tuple[Callable[..., Any], float]] = {  # with the most arguments that each takes
    "abs": (abs, 1),
    "all": (all, 1),
    "any": (any, 1),
    "len": (len, 1),
    "max": (max, math.inf),
    "min": (min, math.inf),
    "round": (_round, 2),
    "sum": (sum, 1),
}
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
    ast.Add: ("+", SUM, _add),
    ast.Sub: ("-", SUM, operator.sub),
    ast.Mult: ("*", PRODUCT, _multiply),
    ast.Div: ("/", PRODUCT, operator.truediv),
    ast.FloorDiv: ("//", PRODUCT, operator.floordiv),
    ast.Mod: ("%", PRODUCT, _remainder),
}
_DISPLAYS: dict[type[ast.expr], tuple[Callable[[Any], Any], str, str]] = {
    ast.Tuple: (tuple, "(", ")"),
    ast.List: (list, "[", "]"),
    ast.Set: (set, "{", "}"),
}
_ALLOWED = (
    "a condition may hold keys, constants, comparisons, and/or/not, + - * / // %, in, x[i], "
    f"declared fields (x.name) and the functions {' '.join(_FUNCTIONS)}"
)
_HINTS = {  # for what other languages write, the longer ones first
    "&&": "write `and`",
    "||": "write `or`",
    "=<": "write `<=`",
    "=>": "write `>=`",
    "<>": "write `!=`",
    "!": "write `not`",
    "=": "write `==` to compare",
}
