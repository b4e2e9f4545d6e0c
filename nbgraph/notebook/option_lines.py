"""The line of a magic, read strictly by the tables of `options`: text becomes a frozen record or an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from nbgraph.core.deadlines import read_deadline, read_duration
from nbgraph.core.edges import check_name
from nbgraph.errors import DeclarationError, TextError, nearest
from nbgraph.notebook.options import ACTIONS, AGENT, EDGE, HUMAN, NODE, SUBGRAPH, Action, Form, Option


class Word(NamedTuple):
    """A word of a magic's line, without its quotes, and its 1-based column."""

    text: str
    column: int = 1
    line: str = ""

    def wrong(self, message: str) -> TextError:
        """An error that points at the word."""
        return TextError(message, self.line, 1, self.column)

    def parts(self) -> tuple[Word, ...]:
        """What stands between its commas, each in its place; TextError where there is nothing or the same twice."""
        found: list[Word] = []
        column = self.column
        for text in map(str.strip, self.text.split(",")):
            if not text:
                raise self.wrong("a comma stands here without a name on both sides.")
            if text in (each.text for each in found):
                raise self.wrong(f"{text!r} stands here twice; keep one.")
            place = self.line.find(text, column - 1) + 1 or self.column
            found.append(Word(text, place, self.line))
            column = place + len(text)
        return tuple(found)


class Calling(NamedTuple):
    """How a node is called, in the words of `Graph.node`; None where nothing was said.

    `retry_on` and `on` are yet to be found in the notebook.
    """

    retry: int | None = None
    backoff: float | None = None
    retry_on: tuple[Word, ...] | None = None
    timeout: float | None = None
    cache: bool | float | None = None
    version: str | None = None
    join: str | None = None
    parallel: int | None = None
    on: Word | None = None


class NodeLine(NamedTuple):
    """What stands after `%%node` or `%node`."""

    writes: tuple[str, ...] | None = None
    graph: str | None = None
    calling: Calling = Calling()


class BodyLine(NamedTuple):
    """What stands after `%%edges` or `%%state`."""

    graph: str | None


class HumanLine(NamedTuple):
    """What stands after `%%human`; None where an option was not given. `form` is yet to be found in the notebook."""

    name: str
    show: tuple[str, ...] = ()
    options: tuple[str, ...] | None = None
    edit: tuple[str, ...] = ()
    form: Word | None = None
    graph: str | None = None
    timeout: str | None = None


class AgentLine(NamedTuple):
    """What stands after `%%agent`, in the words of `Graph.agent`; `output` is yet to be found in the notebook."""

    name: str
    said: Mapping[str, Any] = {}
    output: Word | None = None
    graph: str | None = None
    calling: Calling = Calling()


class SubgraphLine(NamedTuple):
    """What stands after `%subgraph`; `reads` holds our key for inputs of the graph, `writes` its key for ours."""

    inner: str
    name: str | None = None
    reads: dict[str, str] | None = None
    writes: dict[str, str] | None = None
    limit: int | None = None
    graph: str | None = None
    calling: Calling = Calling()


class GraphLine(NamedTuple):
    """What stands after `%graph`: the action, what it is about, a file, and the values of its options."""

    action: str
    name: str = ""
    file: str = ""
    values: Mapping[str, Any] = {}


class EdgeLine(NamedTuple):
    """What stands after `%edge`: the edge language, and the graph that an option before it named."""

    text: str
    graph: str | None


def node_line(line: str, magic: str = "%%node") -> NodeLine:
    """Read what stands after `%%node` or `%node`; TextError where it does not fit."""
    read = _read(NODE._replace(magic=magic), line)
    return NodeLine(read.values.get("--writes"), read.graph, read.calling)


def body_line(form: Form, line: str) -> BodyLine:
    """Read what stands after `%%edges` or `%%state`; TextError where it does not fit."""
    return BodyLine(_read(form, line).graph)


def human_line(line: str) -> HumanLine:
    """Read what stands after `%%human`; TextError where it does not fit or the name is missing."""
    read = _read(HUMAN, line)
    show, edit = read.values.get("--show", ()), read.values.get("--edit", ())
    options, form, timeout = (read.values.get(name) for name in ("--options", "--form", "--timeout"))
    if timeout is not None:
        _check_deadline(timeout, options or ("approve", "reject"))
    return HumanLine(read.argument, show, options, edit, form, read.graph, timeout and timeout.text)


def agent_line(line: str) -> AgentLine:
    """Read what stands after `%%agent`; TextError where it does not fit or the name is missing."""
    read = _read(AGENT, line)
    told = {name.removeprefix("--"): value for name, value in read.values.items()}
    names = ("model", "temperature", "tools", "approve", "handoffs", "history", "turns", "writes")
    said = {name: told[name] for name in names if name in told}
    return AgentLine(read.argument, said, told.get("output"), read.graph, read.calling)


def subgraph_line(line: str) -> SubgraphLine:
    """Read what stands after `%subgraph`; TextError where it does not fit or the graph is missing."""
    read = _read(SUBGRAPH, line)
    name, reads, writes, limit = (read.values.get(name) for name in ("--name", "--reads", "--writes", "--limit"))
    return SubgraphLine(read.argument, name, reads, writes, limit, read.graph, read.calling)


def edge_line(line: str) -> EdgeLine:
    """Read what stands after `%edge`; only `--graph NAME` in front of the edges is an option."""
    found = re.match(r"\s*(--\w\S*(?:\s+\w+(?=\s+\w))?)", line)
    if found is None:
        return EdgeLine(line, None)
    return EdgeLine(line[found.end() :], _read(EDGE, found[1]).graph)


def graph_line(line: str) -> GraphLine:
    """Read what stands after `%graph`; TextError for an unknown action, or for what it does not take or lacks."""
    words = _listed(_words(f"%graph {line}", len("%graph ")))
    if not words:
        return GraphLine("")
    first = words.pop(0)
    action = _action(first)
    form, given, values = Form(f"%graph {action.name}", action.options, ""), list[Word](), dict[str, Any]()
    while words:
        word = words.pop(0)
        if action.options and word.text.startswith("-"):
            option = _option(form, word, values)
            values[option.name] = _value(option, word, words)
        elif len(given) < len(action.arguments):
            given.append(word)
        else:
            raise word.wrong(f"%graph {action.name} takes nothing here.")
    if len(given) < len(action.needed):
        raise first.wrong(_lacks(action))
    found = dict(zip(action.arguments, (word.text for word in given), strict=False))
    file = found.pop("file", "")
    return GraphLine(action.name, "".join(found.values()), file, values)


_EXAMPLE = {"new": "essay", "graph": "essay", "node": "draft", "run": "essay-1a2b3c4d", "file": "essay.nbrun"}
_WHAT = {"run": "a run", "file": "a file"}


def _lacks(action: Action) -> str:
    what = " and ".join(_WHAT.get(each, "a name") for each in action.needed)
    example = " ".join(_EXAMPLE[each] for each in action.needed)
    return f"%graph {action.name} needs {what}, such as `%graph {action.name} {example}`."


def _action(word: Word) -> Action:
    known = {action.name: action for action in ACTIONS}
    if word.text not in known:
        close = nearest(word.text, known)
        raise word.wrong(f"%graph does not know {word.text!r}{close or '; it knows ' + ', '.join(known) + '.'}")
    return known[word.text]


# A line of options


class _Parsed(NamedTuple):
    argument: str
    values: dict[str, Any]

    @property
    def graph(self) -> str | None:
        return self.values.get("--graph")

    @property
    def calling(self) -> Calling:
        return Calling(*(self.values.get(f"--{name.replace('_', '-')}") for name in Calling._fields))


_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\S)+""")
_QUOTED = re.compile(r"""(["'])(.*?)\1""")
_NUMBER = re.compile(r"-\.?[0-9]")


def _words(line: str, start: int) -> Iterator[Word]:
    for found in _WORD.finditer(line, start):
        word = Word(_QUOTED.sub(r"\2", found[0]), found.start() + 1, line)
        if '"' in _QUOTED.sub("", found[0]):
            raise word.wrong('a " is not closed.')
        name, equals, value = word.text.partition("=")
        if name.startswith("--") and equals:
            yield Word(name, word.column, line)
            yield Word(value, word.column + len(name) + 1, line)
        else:
            yield word


def _read(form: Form, line: str) -> _Parsed:
    """Read a line of options and, where the form says so, its argument."""
    whole = f"{form.magic} {line}"
    words = _listed(_words(whole, len(form.magic) + 1))
    argument, values = "", dict[str, Any]()
    while words:
        word = words.pop(0)
        if word.text.startswith("-"):
            option = _option(form, word, values)
            values[option.name] = _value(option, word, words)
        elif form.argument and not argument:
            argument = _name(word, form.argument)
        else:
            raise word.wrong(f"{form.magic} takes no {word.text!r} here; {form.hint}.")
    if form.argument and not argument:
        what = "a name" if form.argument == "node" else "the name of a graph"
        raise Word("", len(form.magic) + 2, whole).wrong(
            f"{form.magic} needs {what}, such as `{form.magic} {form.example}`."
        )
    return _Parsed(argument, values)


def _listed(words: Iterable[Word]) -> list[Word]:
    """The words, with `a, b` as the one word `a,b`."""
    joined: list[Word] = []
    for word in words:
        if joined and (joined[-1].text.endswith(",") or word.text.startswith(",")):
            joined[-1] = joined[-1]._replace(text=joined[-1].text + word.text)
        else:
            joined.append(word)
    return joined


def _option(form: Form, word: Word, values: dict[str, Any]) -> Option:
    known = {option.name: option for option in form.options}
    found = known.get(word.text)
    if found is None:
        close = nearest(word.text, known) or f"; it has {', '.join(option.name for option in form.options)}."
        raise word.wrong(f"{form.magic} has no option {word.text!r}{close}")
    if found.name in values:
        raise word.wrong(f"{found.name} stands here twice; keep one.")
    return found


def _value(option: Option, word: Word, words: list[Word]) -> Any:
    if option.kind == "flag":
        return True
    following = words[0] if words else None
    absent = following is None or (following.text.startswith("-") and not _NUMBER.match(following.text))
    if absent and option.optional:
        return True
    if absent or not words[0].text:
        raise word.wrong(f"{option.name} needs its value: `{option.name} {option.value}`.")
    return _READ[option.kind](option, words.pop(0))


# Values, by kind


def _name(word: Word, what: str) -> str:
    try:
        return check_name(word.text, what)
    except DeclarationError as error:
        raise word.wrong(f"{error}.") from None


def _count(option: Option, word: Word) -> int:
    if not re.fullmatch("[0-9]{1,9}", word.text) or not int(word.text):
        raise word.wrong(f"{option.name} takes a whole number, 1 or more, as `{option.name} 3`; not {word.text!r}.")
    return int(word.text)


def _number(option: Option, word: Word) -> int:
    if not re.fullmatch("[0-9]{1,9}", word.text):
        raise word.wrong(f"{option.name} takes a whole number, 0 or more, as `{option.name} 100`; not {word.text!r}.")
    return int(word.text)


def _seconds(option: Option, word: Word) -> float:
    seconds = read_duration(word.text)
    if seconds is None:
        raise word.wrong(f"{option.name} takes seconds, as 30 or 0.5, or 30s, 5m, 2h, 1d; not {word.text!r}.")
    return seconds


def _deadline(option: Option, word: Word) -> Word:
    return word  # whether it makes sense depends on the options of the question, which may stand behind it


def _check_deadline(word: Word, options: tuple[str, ...]) -> None:
    try:
        read_deadline(word.text, options)
    except DeclarationError as error:
        raise word.wrong(str(error)) from None


def _some_seconds(option: Option, word: Word) -> float:
    seconds = _seconds(option, word)
    if not seconds:
        raise word.wrong(f"{option.name} takes more than {word.text}.")
    return seconds


def _choice(option: Option, word: Word) -> str:
    if word.text not in option.choices:
        *most, last = option.choices
        close = nearest(word.text, option.choices) or "."
        raise word.wrong(f"{option.name} is {', '.join(most)} or {last}, not {word.text!r}{close}")
    return word.text


def _choices(option: Option, word: Word) -> tuple[str, ...]:
    return tuple(_choice(option, part) for part in word.parts())


def _decimal(option: Option, word: Word) -> float:
    if not re.fullmatch(r"[0-9]{0,3}\.?[0-9]{1,9}", word.text):
        raise word.wrong(f"{option.name} takes a number, as `{option.name} 0.7`; not {word.text!r}.")
    return float(word.text)


def _named(option: Option, word: Word, what: str) -> tuple[str, ...]:
    return tuple(_name(part, what) for part in word.parts())


def _keys(option: Option, word: Word) -> tuple[str, ...]:
    return _named(option, word, "key")


def _pairs(option: Option, word: Word) -> dict[str, str]:
    """What stands after each `=`, by what stands before it; a mere `a` is `a=a`."""
    found: dict[str, str] = {}
    what = "node" if option.kind == "renames" else "key"
    for part in word.parts():
        before, equals, after = part.text.partition("=")
        if not before or (equals and not after):
            raise part.wrong(
                f"{option.name} takes pairs of {what}s: `{option.name} {option.value}`; not {part.text!r}."
            )
        name = _name(part._replace(text=before), what)
        if name in found:
            raise part.wrong(f"{name!r} stands here twice; keep one.")
        column = part.column + len(before) + 1
        found[name] = _name(part._replace(text=after, column=column), what) if equals else name
    return found


def _mention(option: Option, word: Word) -> Word:
    """Something in the notebook by its name, which may be dotted."""
    if not all(part.isidentifier() for part in word.text.split(".")):
        raise word.wrong(f"{option.name} takes a name, as `{option.name} {option.choices[0]}`; not {word.text!r}.")
    return word


_READ: dict[str, Callable[[Option, Word], Any]] = {
    "graph": lambda option, word: _name(word, "graph"),
    "node": lambda option, word: _name(word, "node"),
    "text": lambda option, word: word.text,
    "keys": _keys,
    "key": lambda option, word: _name(word, "key"),
    "nodes": lambda option, word: _named(option, word, "node"),
    "tools": lambda option, word: _named(option, word, "tool"),
    "decimal": _decimal,
    "texts": lambda option, word: tuple(part.text for part in word.parts()),
    "pairs": _pairs,
    "renames": _pairs,
    "count": _count,
    "number": _number,
    "deadline": _deadline,
    "seconds": _some_seconds,
    "delay": _seconds,
    "choice": _choice,
    "choices": _choices,
    "errors": lambda option, word: tuple(_mention(option, part) for part in word.parts()),
    "executor": _mention,
    "type": _mention,
}
