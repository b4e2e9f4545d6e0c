"""Text of a condition, read to the tree that Python's parser makes of it, with a caret for all that it cannot read."""

from __future__ import annotations

import ast
import re
from typing import NoReturn

from nbgraph.core.condition_parts import cut
from nbgraph.core.places import Places, fault

LONGEST_TEXT = 2_000  # characters, also of the canonical text, so that it can be parsed again
DEEPEST = 40  # levels of nesting


class ConditionText:
    """One text, which knows where it stands, for the carets of errors.

    Args:
        text: the condition.
        within: the whole text that it stands in.
        offset: where `text` begins in `within`.
        what: what is being read, for the message of an error.
    """

    def __init__(self, text: str, within: str, offset: int, what: str) -> None:
        self.text, self.within, self.what = text.strip(), within, what
        self.offset = offset + text.index(self.text)
        self.places = Places(self.text)

    def tree(self) -> ast.expr:
        if not self.text:
            self.fail("a condition is missing", 0)
        self.check_length(self.text)
        if odd := re.search("[\0\ud800-\udfff]", self.text):
            self.fail(f"a condition cannot hold the sign {odd.group()!r}", odd.start())
        self.check_lexemes()
        try:
            return ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            wrong = error
        except (RecursionError, MemoryError):
            self.refuse_depth(0)
        self.refuse_syntax(wrong)  # out here, so that Python's own error does not show beside ours

    def check_length(self, text: str) -> None:
        if len(text) > LONGEST_TEXT:
            self.fail(f"a condition has {LONGEST_TEXT:,} characters at most; put the rest into a node", 0)

    def check_lexemes(self) -> None:
        """Refuses what Python's parser only warns of: its warnings can be caught for the whole process only."""
        for lexeme in _LEXEME.finditer(self.text):
            prefix, begin = lexeme["prefix"] or "", lexeme.start()
            if not set(prefix) <= set("rRuU"):
                self.fail(f"`{cut(lexeme.group())}` cannot stand in a condition; write a plain string", begin)
            if lexeme["unclosed"]:
                return  # Python tells it better, and warns of nothing after it
            if lexeme["keyword"]:
                where = lexeme.start("keyword")
                self.fail("this cannot be read as a condition: a blank is missing after the number", where)
            if lexeme["string"] and prefix not in ("r", "R"):
                self.check_escapes(lexeme["string"], begin)

    def check_escapes(self, string: str, begin: int) -> None:
        for escape in _ESCAPE.finditer(string):
            if escape["invalid"]:
                reason = f"invalid escape sequence '{escape.group()}'; a backslash is written `\\\\`"
                self.fail(f"this cannot be read as a condition: {reason}", begin)

    def refuse_depth(self, position: int) -> NoReturn:
        self.fail(f"a condition nests {DEEPEST} levels at most; put the rest into a node", position)

    def refuse_syntax(self, error: SyntaxError) -> NoReturn:
        end = len(self.text)
        line = min(error.lineno or 1, len(self.places.lines)) - 1
        position = min(self.places.lines[line] + error.offset - 1, end) if error.offset else end
        if self.text[position - 1 : position + 1] in _HINTS:
            position -= 1  # Python points at the second half of `&&`
        hints = (hint for sign, hint in _HINTS.items() if self.text.startswith(sign, position))
        reason = next(hints, re.sub(r" \(detected at line \d+\)", "", error.msg))
        self.fail(f"this cannot be read as a condition: {reason}", position)

    def fail(self, message: str, position: int) -> NoReturn:
        raise fault(message, self.within, self.offset + position, self.what)

    def start(self, node: ast.expr) -> int:
        return self.places.position(node.lineno, node.col_offset)

    def end(self, node: ast.expr) -> int:
        return self.places.position(node.end_lineno, node.end_col_offset)

    def after(self, node: ast.expr) -> int:
        """Where the sign after a node stands."""
        return self.skip(self.end(node))

    def skip(self, position: int) -> int:
        """Where the next sign stands, but for closing brackets, blanks and comments."""
        return len(self.text) - len(re.sub(r"\A(?:[\s)\\]|#[^\r\n]*)*", "", self.text[position:]))


_LEXEME = re.compile(  # what to skip, and what Python warns of: escapes, and a number with a keyword right after it
    r"""
      \#[^\r\n]*
    | (?P<prefix> (?i: [bft]r? | r[bft]? | u )? )
      (?: (?P<string> '''(?:\\.|[^\\])*?''' | '(?!'')(?:\\(?:\r\n|.)|[^'\\\r\n])*'
                    | \"""(?:\\.|[^\\])*?\""" | "(?!"")(?:\\(?:\r\n|.)|[^"\\\r\n])*" )
        | (?P<unclosed> ["'] ) )
    | (?: [^\W\d] | [^\x00-\x7f] ) (?: \w | [^\x00-\x7f] )*
    | (?> 0[xX](?:_?[0-9a-fA-F])+ | 0[oO](?:_?[0-7])+ | 0[bB](?:_?[01])+
        | (?: [0-9](?:_?[0-9])* (?:\.(?:[0-9](?:_?[0-9])*)?)? | \.[0-9](?:_?[0-9])* )
          (?:[eE][+-]?[0-9](?:_?[0-9])*)? [jJ]? )
      (?P<keyword> and | else | for | i[fns] | or | not )?
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"""
      \\ (?: \r\n | [\r\n\\'"abfnrtvxNuU] | [0-3][0-7]{0,2} | [4-7][0-7]?(?![0-7])
        | (?P<invalid> [4-7][0-7]{2} | . ) )
    """,
    re.VERBOSE | re.DOTALL,
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
