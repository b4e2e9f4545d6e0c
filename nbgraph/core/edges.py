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
import keyword
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, NoReturn

from nbgraph.core import conditions
from nbgraph.core.conditions import Condition, fault
from nbgraph.errors import DeclarationError, TextError, nearest

RESERVED = conditions.RESERVED


def check_name(name: str, what: str) -> str:
    """The name as Python spells it.

    Args:
        name: the name of a node, key, function or item.
        what: which of these it is, for the message of an error.

    Raises:
        DeclarationError: it is no identifier, a Python keyword, or a reserved word.
    """
    spelt = unicodedata.normalize("NFKC", name)  # as Python does with the names of functions and parameters
    if spelt in RESERVED:
        raise DeclarationError(f"{name!r} is a reserved word and cannot name {_one(what)}")
    if keyword.iskeyword(spelt):
        raise DeclarationError(f"{name!r} is a Python keyword and cannot name {_one(what)}")
    if not spelt.isidentifier():
        raise DeclarationError(f"{name!r} cannot name {_one(what)}: a name holds letters, digits and _, no digit first")
    return spelt


def _one(what: str) -> str:
    return f"an {what}" if what.startswith(tuple("aeiou")) else f"a {what}"


@dataclass(frozen=True, slots=True)
class Guard:
    """When an edge is taken.

    Args:
        kind: the word that it starts with; "plain" for none, "error" for `on error`.
        condition: of `if`.
        key: of `by KEY` and `each KEY`.
        function: of `by FUNCTION()`.
        item: the name after `as`.
    """

    kind: Literal["plain", "if", "else", "always", "by", "each", "error"]
    condition: Condition | None = None
    key: str | None = None
    function: str | None = None
    item: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case "plain":
                return ""
            case "if":
                return f"if {self.condition}"
            case "by":
                return f"by {self.function}()" if self.function else f"by {self.key}"
            case "each":
                return f"each {self.key} as {self.item}"
            case "error":
                return "on error"
            case word:
                return word


@dataclass(frozen=True, slots=True)
class Statement:
    """One arrow: every source leads to every target.

    Args:
        sources, targets: names of nodes, in order, each once.
        guard: when the edges are taken.
        limit: how often they are taken at most, or None.
        line: 1-based line of the text where the sources start; of no weight in a comparison.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    guard: Guard
    limit: int | None = None
    line: int = field(default=1, compare=False)

    def __str__(self) -> str:
        arrow = f"{', '.join(self.sources)} -> {', '.join(self.targets)}"
        return f"{arrow} {format_guard(self.guard, self.limit)}".rstrip()


def format_guard(guard: Guard, limit: int | None) -> str:
    """A guard and a limit as they are written, such as `if score < 7 max 3`."""
    return f"{guard} max {limit}".lstrip() if limit else str(guard)


def parse(text: str) -> tuple[Statement, ...]:
    """Read a text in the edge language; one of comments only gives no statements.

    Raises:
        TextError: it cannot be read; points at the place.
    """
    ends = list(itertools.accumulate(map(len, text.splitlines(keepends=True))))  # of lines, as TextError counts them
    return tuple(found for tokens in _split(_tokens(text)) for found in _Reader(text, ends, tokens).statements())


_ODD_ARROWS = "→⇒⟶⟹➔➜➝➞➡"
_DASHES = r"\u2013\u2014"
_LETTER = (
    rf"[^\W\d]|[^\x00-\x7f\s{_ODD_ARROWS}{_DASHES}]"  # \w has no vowel signs of Hindi or Thai; isidentifier decides
)
_TOKEN = re.compile(
    rf"""
      (?P<blank> [^\S\r\n]+ | \#[^\r\n]* )
    | (?P<newline> \r\n | \r | \n )
    | (?P<string> [rbfuRBFU]{{0,2}} (?: '''(?:\\.|[^\\])*?''' | '(?!'')(?:\\.|[^'\\\r\n])*'
                                      | \"""(?:\\.|[^\\])*?\""" | "(?!"")(?:\\.|[^"\\\r\n])*" ) )
    | (?P<quote> ["'] )
    | (?P<name> (?:{_LETTER}) (?:\w|{_LETTER})* )
    | (?P<number> \d[\w.]* )
    | (?P<arrow> -> )
    | (?P<odd_arrow> [-=~{_DASHES}]+> | <[-={_DASHES}]+ | [{_ODD_ARROWS}] )
    | (?P<open> [(\[{{] )
    | (?P<close> [)\]}}] )
    | (?P<comma> , )
    | (?P<semicolon> ; )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_WORDS = ("if", "else", "always", "by", "each", "on", "max")
_NO_NAMES = {
    "open": "; names stand without brackets",
    "string": "; names stand without quotes",
    "number": "; names have no digit first",
}
_NO_NUMBER = "`max` needs a whole number, as in `max 3`"


class Token(NamedTuple):
    """A word or sign; `depth` is the number of brackets around it."""

    kind: str
    text: str
    start: int
    depth: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def _tokens(text: str) -> list[Token]:
    """The tokens without blanks and comments; newlines only where a statement ends."""
    tokens: list[Token] = []
    brackets: list[Token] = []
    for match in _TOKEN.finditer(text):
        token = Token(match.lastgroup or "", match.group(), match.start(), len(brackets))
        if token.kind == "blank" or (token.kind == "newline" and (brackets or _goes_on(tokens))):
            continue
        if token.kind == "quote":
            raise _fault("the string that starts here has no end", text, token.start)
        if token.kind == "arrow" and not brackets:
            _drop_newlines(tokens)
        tokens.append(_nested(text, brackets, token))
    if brackets:
        raise _fault(f"the bracket `{brackets[-1].text}` is never closed", text, brackets[-1].start)
    return tokens


def _goes_on(tokens: list[Token]) -> bool:
    return bool(tokens) and tokens[-1].kind in ("arrow", "comma")


def _drop_newlines(tokens: list[Token]) -> None:
    while tokens and tokens[-1].kind == "newline":
        tokens.pop()


def _nested(text: str, brackets: list[Token], token: Token) -> Token:
    """The token with its depth; opens or closes a bracket if it is one."""
    if token.kind == "open":
        brackets.append(token)
    if token.kind != "close":
        return token
    if not brackets:
        raise _fault(f"the bracket `{token.text}` was never opened", text, token.start)
    opened = brackets.pop()
    if _PAIRS[opened.text] != token.text:
        raise _fault(f"`{token.text}` closes no `{opened.text}`; `{_PAIRS[opened.text]}` does", text, token.start)
    return token._replace(depth=len(brackets))


def _split(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens of each chain of arrows."""
    chain: list[Token] = []
    for token in [*tokens, Token("newline", "", 0, 0)]:
        if token.kind == "newline" or (token.kind == "semicolon" and not token.depth):
            if chain:
                yield chain
            chain = []
        else:
            chain.append(token)


def _fault(message: str, text: str, position: int) -> TextError:
    return fault(message, text, position, "edges")


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
        raise _fault(message, self.text, token.start if token else self.tokens[-1].end)
