"""Tokens of the edge language: its words and signs, without blanks, comments and lines that only go on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nbgraph.core.places import fault
from nbgraph.errors import TextError

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


class Token(NamedTuple):
    """A word or sign; `depth` is the number of brackets around it."""

    kind: str
    text: str
    start: int
    depth: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def tokenize(text: str) -> list[Token]:
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


def chains(tokens: list[Token]) -> Iterator[list[Token]]:
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
