"""Names of nodes, keys, functions and items: how they are spelt, and which words are reserved."""

from __future__ import annotations

import keyword
import os
import unicodedata

from nbgraph.errors import DeclarationError, InputError, brief

_GUARD_WORDS = frozenset({"if", "else", "always", "by", "each", "as", "on", "error", "max"})
RESERVED = _GUARD_WORDS | {"START", "END", "step", "after", "parallel", "ctx"}


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


def run_name(given: object, graph: str) -> str:
    """The id for a new run: what was given, or one made up.

    Raises:
        InputError: it is no text that can be written to a file.
    """
    if given is None or given == "":
        return f"{graph}-{os.urandom(4).hex()}"
    if isinstance(given, str) and given.isprintable():
        return given
    raise InputError(f"the id of a run is a text of letters, digits and signs, not {brief(given)}.")


def _one(what: str) -> str:
    return f"an {what}" if what.startswith(tuple("aeiou")) else f"a {what}"
