"""The edge language: what stands in an `%%edges` cell, as statements.

    statement := group ("->" group)+ [guard] ["max" INT]      newline or ";" separates, "#" comments
    group     := NAME ("," NAME)*
    guard     := "if" CONDITION | "else" | "always" | "by" KEY_OR_FUNCTION | "each" KEY "as" NAME | "on" "error"

A statement goes on in the next line inside brackets, after "->" or ",", and before a line that starts with "->".
Whether nodes and keys exist, and whether the guards out of a node go together, is for the checks of the whole graph.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Iterator
from typing import ClassVar, NoReturn

from nbgraph.core import conditions
from nbgraph.core.edge_tokens import Token, chains, tokenize
from nbgraph.core.names import RESERVED, check_name
from nbgraph.core.places import fault
from nbgraph.core.statements import Guard, Statement, format_guard
from nbgraph.errors import DeclarationError, nearest

__all__ = ["RESERVED", "Guard", "Statement", "check_name", "format_guard", "parse"]

_WORDS = ("if", "else", "always", "by", "each", "on", "max")
_NO_NAMES = {
    "open": "; names stand without brackets",
    "string": "; names stand without quotes",
    "number": "; names have no digit first",
}
_NO_NUMBER = "`max` needs a whole number, as in `max 3`"


def parse(text: str) -> tuple[Statement, ...]:
    """Read a text in the edge language; one of comments only gives no statements.

    Raises:
        TextError: it cannot be read; points at the place.
    """
    ends = list(itertools.accumulate(map(len, text.splitlines(keepends=True))))  # of lines, as TextError counts them
    return tuple(found for tokens in chains(tokenize(text)) for found in _Reader(text, ends, tokens).statements())


class _Reader:
    """Reads the tokens of one chain of arrows from left to right."""

    def __init__(self, text: str, ends: list[int], tokens: list[Token]) -> None:
        self.text, self.ends, self.tokens, self.at = text, ends, tokens, 0

        self.clause: Token | None = None  # the `max` of `max N`

    def statements(self) -> Iterator[Statement]:
        groups = [self.group()]
        while self.accept("arrow"):
            groups.append(self.group())
        if len(groups) == 1:
            self.fail_without_arrow()
        limit, guard = self.limit(), self.guard()
        self.check_ends(groups, guard)
        if limit and guard.kind not in ("if", "by"):
            self.fail("only `if` and `by` edges carry `max`", self.clause)
        for sources, targets in itertools.pairwise(groups[:-1]):
            yield self.statement(sources, targets, Guard("plain"), None)
        yield self.statement(groups[-2], groups[-1], guard, limit)

    def statement(self, sources: list[Token], targets: list[Token], guard: Guard, limit: int | None) -> Statement:
        first, second = (tuple(dict.fromkeys(token.text for token in group)) for group in (sources, targets))
        return Statement(first, second, guard, limit, bisect.bisect_right(self.ends, sources[0].start) + 1)

    def group(self) -> list[Token]:
        names = [self.node()]
        while self.accept("comma"):
            names.append(self.node())
        return names

    def node(self) -> Token:
        place = f"after `{self.tokens[self.at - 1].text}` comes" if self.at else "a statement starts with"
        return self.name("node", f"{place} the name of a node", besides=("START", "END"))

    def name(self, what: str, missing: str, besides: tuple[str, ...] = ()) -> Token:
        """The next token, which is to be a name, as Python spells it."""
        token = self.accept("name")
        if token is None:
            found = self.peek()
            self.fail(missing + _NO_NAMES.get(found.kind if found else "", ""), found)
        if token.text in besides:
            return token
        try:
            return token._replace(text=check_name(token.text, what))
        except DeclarationError as error:
            self.fail(str(error), token)

    def limit(self) -> int | None:
        """The number of `max N`, which is taken off the end."""
        for number in range(self.at, len(self.tokens)):
            if self.is_clause(number):
                self.clause = self.tokens[number]
                rest = self.tokens[number + 1 :]
                del self.tokens[number:]
                return self.number(rest)
        return None

    def is_clause(self, number: int) -> bool:
        """Whether the token is a `max` that is neither a function nor a field."""
        token, before = self.tokens[number], self.tokens[number - 1]
        called = self.tokens[number + 1 : number + 2] and self.tokens[number + 1].text == "("
        return token.text == "max" and token.depth == 0 and before.text != "." and not called

    def number(self, rest: list[Token]) -> int:
        if not rest or not re.fullmatch("[0-9]{1,9}", rest[0].text):
            self.fail(_NO_NUMBER, rest[0] if rest else self.clause)
        if len(rest) > 1:
            self.fail(f"`max {rest[0].text}` ends a statement", rest[1])
        if int(rest[0].text) < 1:
            self.fail("`max` is 1 at least; an edge that is never taken can go", rest[0])
        return int(rest[0].text)

    def guard(self) -> Guard:
        word = self.peek()
        if word is None:
            return Guard("plain")
        if word.text not in self.guards:
            self.fail_without_guard(word)
        self.at += 1
        guard = self.guards[word.text](self)
        if rest := self.peek():
            why = "a guard stands after the last arrow only" if rest.kind == "arrow" else "a statement ends here"
            self.fail(f"nothing follows `{guard}`: {why}", rest)
        return guard

    def if_(self) -> Guard:
        rest, self.at = self.tokens[self.at :], len(self.tokens)
        if not rest:
            self.fail("`if` needs a condition, as in `if score < 7`")
        for token in rest:
            if token.kind == "arrow" and not token.depth:
                self.fail("a guard stands after the last arrow only; begin another statement for this one", token)
            if token.text == "else" and not token.depth:
                self.fail("`else` needs a statement of its own, as in `a -> b if x; a -> c else`", token)
        start, end = rest[0].start, rest[-1].end
        return Guard("if", conditions.parse(self.text[start:end], within=self.text, offset=start, what="edges"))

    def else_(self) -> Guard:
        return Guard("else")

    def always(self) -> Guard:
        return Guard("always")

    def by(self) -> Guard:
        name = self.name("key", "`by` needs a key or a function, as in `by next` or `by route()`").text
        if not self.accept("open", "("):
            return Guard("by", key=name)
        if not self.accept("close"):
            self.fail(f"`by` calls a function without arguments: `by {name}()`", self.peek())
        return Guard("by", function=name)

    def each(self) -> Guard:
        example = "as in `each items as item`"
        key = self.name("key", f"`each` needs a key that holds a list, {example}").text
        if not self.accept("name", "as"):
            self.fail(f"`each {key}` goes on with `as` and a name for one item, {example}", self.peek())
        return Guard("each", key=key, item=self.name("item", f"`as` needs a name for one item, {example}").text)

    def on(self) -> Guard:
        if not self.accept("name", "error"):
            self.fail("`on` goes on with `error`: `on error`", self.peek())
        return Guard("error")

    guards: ClassVar[dict[str, Callable[[_Reader], Guard]]] = {
        "if": if_,
        "else": else_,
        "always": always,
        "by": by,
        "each": each,
        "on": on,
    }

    def check_ends(self, groups: list[list[Token]], guard: Guard) -> None:
        self.forbid("END", groups[:-1], "END is where a run ends: nothing comes after it")
        self.forbid("START", groups[1:], "START is where a run starts: nothing comes before it")
        if guard.kind == "error":
            self.forbid("START", groups[-2:-1], "START runs nothing and so cannot fail")
        if guard.kind == "each":
            self.forbid("END", groups[-1:], "END runs nothing and so cannot run for each item")

    def forbid(self, word: str, groups: list[list[Token]], message: str) -> None:
        for token in itertools.chain(*groups):
            if token.text == word:
                self.fail(message, token)

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def accept(self, kind: str, text: str = "") -> Token | None:
        """The next token, if it is of the kind and has the text, if any; then reading goes on after it."""
        token = self.peek()
        if token is None or token.kind != kind or text not in ("", token.text):
            return None
        self.at += 1
        return token

    def fail_without_arrow(self) -> NoReturn:
        token = self.peek()
        if token is None:
            name = self.tokens[0].text
            self.fail(f"{name!r} stands alone; an edge is written `{name} -> other`", self.tokens[0])
        if token.kind == "name":
            self.fail(f"`->` is missing before {token.text!r}", token)
        self.fail_without_guard(token)

    def fail_without_guard(self, token: Token) -> NoReturn:
        if token.kind == "odd_arrow":
            self.fail("an arrow is written `->`", token)
        if token.text == "max":
            self.fail(_NO_NUMBER, token)
        known = "`if`, `else`, `always`, `by`, `each`, `on error` or `max`"
        like = nearest(token.text.lower(), _WORDS)
        self.fail(f"`{token.text}` does not belong here; after a name comes `->`, `,`, {known}{like}", token)

    def fail(self, message: str, token: Token | None = None) -> NoReturn:
        """Raises an error that points at the token, or after the last one."""
        raise fault(message, self.text, token.start if token else self.tokens[-1].end, "edges")
