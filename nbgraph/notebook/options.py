"""The line of a magic, read strictly: what every magic takes stands in tables here, and text becomes a frozen record.

The tables are data, so that the parser, the help and the completer say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from nbgraph.core.edges import check_name
from nbgraph.errors import DeclarationError, TextError, nearest


class Option(NamedTuple):
    """An option of a magic.

    `kind` is what its value is: a "graph", "keys" (names of keys) or "texts"; "later" means that it is not built yet.
    """

    name: str
    kind: str
    value: str = ""
    help: str = ""


class Form(NamedTuple):
    """What a magic's line may hold: at most one `argument`, such as NAME, and options."""

    magic: str
    argument: str = ""
    options: tuple[Option, ...] = ()


class Action(NamedTuple):
    """What may stand after `%graph`; `argument` is "new", "graph", "node" or empty for none."""

    name: str
    argument: str = ""
    help: str = ""
    later: bool = False


GRAPH = Option("--graph", "graph", "NAME", "the graph it belongs to, instead of the current one")
WRITES = Option("--writes", "keys", "k,..", "the keys that it writes, instead of what its return statements tell")
SHOW = Option("--show", "keys", "k,..", "keys whose values stand beside the question")
ANSWERS = Option("--options", "texts", "a,b", "the answers to choose from, instead of approve,reject")
EDIT = Option("--edit", "keys", "k,..", "keys whose values may be changed in the answer")


def _later(names: str) -> tuple[Option, ...]:
    return tuple(Option(name, "later") for name in names.split())


NODE = Form("%%node", "", (WRITES, GRAPH, *_later("--retry --timeout --cache --join --parallel --on")))
EDGES = Form("%%edges", "", (GRAPH,))
STATE = Form("%%state", "", (GRAPH,))
HUMAN = Form("%%human", "NAME", (SHOW, ANSWERS, EDIT, GRAPH, *_later("--form --timeout")))
ACTIONS = (
    Action("new", "new", "start an empty graph and bind it to its name; clears one that is there"),
    Action("use", "graph", "make a graph of this notebook the current one"),
    Action("show", "", "display a picture of the current graph, which stays current"),
    Action("check", "", "print the problems of the current graph"),
    Action("drop", "node", "forget a node and its edges"),
    Action("export", later=True),
    Action("runs", later=True),
    Action("approvals", later=True),
)


class NodeLine(NamedTuple):
    """What stands after `%%node` or `%node`."""

    writes: tuple[str, ...] | None
    graph: str | None


class BodyLine(NamedTuple):
    """What stands after `%%edges` or `%%state`."""

    graph: str | None


class HumanLine(NamedTuple):
    """What stands after `%%human`; None where an option was not given."""

    name: str
    show: tuple[str, ...]
    options: tuple[str, ...] | None
    edit: tuple[str, ...]
    graph: str | None


class GraphLine(NamedTuple):
    """What stands after `%graph`."""

    action: str
    name: str


class EdgeLine(NamedTuple):
    """What stands after `%edge`: the edge language, and the graph that an option before it named."""

    text: str
    graph: str | None


def node_line(line: str, magic: str = "%%node") -> NodeLine:
    """Read what stands after `%%node` or `%node`; TextError where it does not fit."""
    read = _read(NODE._replace(magic=magic), line, "its name is that of the function")
    return NodeLine(read.values.get("--writes"), read.graph)


def body_line(form: Form, line: str) -> BodyLine:
    """Read what stands after `%%edges` or `%%state`; TextError where it does not fit."""
    return BodyLine(_read(form, line, "what it holds stands in the lines below").graph)


def human_line(line: str) -> HumanLine:
    """Read what stands after `%%human`; TextError where it does not fit or the name is missing."""
    read = _read(HUMAN, line, "the question stands in the lines below")
    if read.argument is None:
        raise TextError("%%human needs a name, such as `%%human gate`.", f"%%human {line}", 1, len("%%human ") + 1)
    show, edit = read.values.get("--show", ()), read.values.get("--edit", ())
    return HumanLine(read.argument, show, read.values.get("--options"), edit, read.graph)


def edge_line(line: str) -> EdgeLine:
    """Read what stands after `%edge`; only `--graph NAME` in front of the edges is an option."""
    found = re.match(r"\s*(--\w\S*(?:\s+\w+(?=\s+\w))?)", line)
    if found is None:
        return EdgeLine(line, None)
    graph = _read(EDGES._replace(magic="%edge"), found[1], "edges follow the options").graph
    return EdgeLine(line[found.end() :], graph)


def graph_line(line: str) -> GraphLine:
    """Read what stands after `%graph`; TextError for an unknown action, a missing or a superfluous name."""
    words = list(_words(f"%graph {line}", len("%graph ")))
    if not words:
        return GraphLine("", "")
    action = _action(words[0])
    if len(words) > 1 + bool(action.argument):
        raise words[1 + bool(action.argument)].wrong(f"%graph {action.name} takes nothing here.")
    if action.argument and len(words) == 1:
        example = f"%graph {action.name} {_EXAMPLE[action.argument]}"
        raise words[0].wrong(f"%graph {action.name} needs a name, such as `{example}`.")
    return GraphLine(action.name, words[1].text if action.argument else "")


_SPELT = {"new": "NAME", "graph": "NAME", "node": "NODE", "": ""}
_EXAMPLE = {"new": "essay", "graph": "essay", "node": "draft"}


def _action(word: _Word) -> Action:
    known = {action.name: action for action in ACTIONS}
    found = known.get(word.text)
    if found is None:
        built = [action.name for action in ACTIONS if not action.later]
        close = nearest(word.text, known)
        raise word.wrong(f"%graph does not know {word.text!r}{close or '; it knows ' + ', '.join(built) + '.'}")
    if found.later:
        raise word.wrong(f"%graph {found.name} comes later; it does nothing yet.")
    return found


def describe(form: Form) -> str:
    """The options of a magic for its help, one a line."""
    built = [option for option in form.options if option.kind != "later"]
    later = [option.name for option in form.options if option.kind == "later"]
    lines = [f"    {f'{option.name} {option.value}':<18}{option.help}" for option in built]
    return "\n".join(["Options:", *lines, *([f"Come later: {', '.join(later)}."] if later else [])])


def describe_actions() -> str:
    """What `%graph` knows, for its help, one a line."""
    built = [action for action in ACTIONS if not action.later]
    lines = [f"    {f'%graph {action.name} {_SPELT[action.argument]}':<18}{action.help}" for action in built]
    later = ", ".join(action.name for action in ACTIONS if action.later)
    return "\n".join(["Actions:", *lines, f"Come later: {later}."])


class _Word(NamedTuple):
    """A word of a magic's line, without its quotes, and its 1-based column."""

    text: str
    column: int
    line: str

    def wrong(self, message: str) -> TextError:
        return TextError(message, self.line, 1, self.column)


class _Parsed(NamedTuple):
    argument: str | None
    values: dict[str, tuple[str, ...]]

    @property
    def graph(self) -> str | None:
        return self.values["--graph"][0] if "--graph" in self.values else None


_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")
_QUOTED = re.compile(r"""(["'])(.*?)\1""")


def _words(line: str, start: int) -> Iterator[_Word]:
    for found in _WORD.finditer(line, start):
        word = _Word(_QUOTED.sub(r"\2", found[0]), found.start() + 1, line)
        if '"' in _QUOTED.sub("", found[0]):
            raise word.wrong('a " is not closed.')
        name, equals, value = word.text.partition("=")
        if name.startswith("--") and equals:
            yield _Word(name, word.column, line)
            yield _Word(value, word.column + len(name) + 1, line)
        else:
            yield word


def _read(form: Form, line: str, hint: str) -> _Parsed:
    """Read a line of options and at most one argument; `hint` says why there is no more to it."""
    whole = f"{form.magic} {line}"
    words = _listed(_words(whole, len(form.magic) + 1))
    argument, values = None, dict[str, tuple[str, ...]]()
    while words:
        word = words.pop(0)
        if word.text.startswith("-"):
            option = _option(form, word, values)
            values[option.name] = _value(option, word, words)
        elif form.argument and argument is None:
            argument = _name(word, "node")
        else:
            raise word.wrong(f"{form.magic} takes no {word.text!r} here; {hint}.")
    return _Parsed(argument, values)


def _listed(words: Iterable[_Word]) -> list[_Word]:
    """The words, with `a, b` as the one word `a,b`."""
    joined: list[_Word] = []
    for word in words:
        if joined and (joined[-1].text.endswith(",") or word.text.startswith(",")):
            joined[-1] = joined[-1]._replace(text=joined[-1].text + word.text)
        else:
            joined.append(word)
    return joined


def _option(form: Form, word: _Word, values: dict[str, tuple[str, ...]]) -> Option:
    known = {option.name: option for option in form.options}
    found = known.get(word.text)
    if found is None:
        built = ", ".join(option.name for option in form.options if option.kind != "later")
        close = nearest(word.text, known) or f"; it has {built}."
        raise word.wrong(f"{form.magic} has no option {word.text!r}{close}")
    if found.kind == "later":
        raise word.wrong(f"{found.name} comes later; leave it out for now.")
    if found.name in values:
        raise word.wrong(f"{found.name} stands here twice; keep one.")
    return found


def _value(option: Option, word: _Word, words: list[_Word]) -> tuple[str, ...]:
    if not words or not words[0].text or words[0].text.startswith("-"):
        raise word.wrong(f"{option.name} needs its value: `{option.name} {option.value}`.")
    return _READ[option.kind](words.pop(0))


def _name(word: _Word, what: str) -> str:
    try:
        return check_name(word.text, what)
    except DeclarationError as error:
        raise word.wrong(f"{error}.") from None


def _parts(word: _Word) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in word.text.split(","))
    if "" in parts:
        raise word.wrong("a comma stands here without a name on both sides.")
    double = next((part for part in parts if parts.count(part) > 1), None)
    if double is not None:
        raise word.wrong(f"{double!r} stands here twice; keep one.")
    return parts


def _keys(word: _Word) -> tuple[str, ...]:
    return tuple(_name(word._replace(text=part), "key") for part in _parts(word))


_READ: dict[str, Callable[[_Word], tuple[str, ...]]] = {
    "graph": lambda word: (_name(word, "graph"),),
    "keys": _keys,
    "texts": _parts,
}
