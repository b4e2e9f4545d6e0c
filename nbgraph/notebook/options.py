"""What every magic takes on its line: tables, so that the parser, the help and the completer say the same."""

from __future__ import annotations

from typing import NamedTuple

from nbgraph.core.policies import EXECUTORS, JOINS


class Option(NamedTuple):
    """An option of a magic.

    `kind` is what its value is: a "graph", a "node" or a "text"; "keys", "texts" or "pairs" of keys; a "count",
    "seconds" or a "delay" (of none, too); a "choice" of `choices`; "errors", an "executor" or a "type" that the
    notebook has a name for, `choices` being those to offer first. "later" means that it is not built yet. An `optional`
    value may be left out.
    """

    name: str
    kind: str
    value: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False

    @property
    def spelt(self) -> str:
        """The option with its value, as `--retry N`."""
        return f"{self.name} [{self.value}]" if self.optional else f"{self.name} {self.value}"


class Form(NamedTuple):
    """What a magic's line may hold: at most one `argument`, a "node" or a "graph", and options.

    `example` is an argument to show; `hint` says where what stands nowhere on the line has its place.
    """

    magic: str
    options: tuple[Option, ...]
    hint: str
    argument: str = ""
    example: str = ""


class Action(NamedTuple):
    """What may stand after `%graph`; `argument` is "new", "graph", "node" or empty for none."""

    name: str
    argument: str = ""
    help: str = ""
    later: bool = False


def _later(name: str) -> Option:
    return Option(name, "later")


GRAPH = Option("--graph", "graph", "NAME", "the graph it belongs to, instead of the current one")
WRITES = Option("--writes", "keys", "k,..", "the keys that it writes, instead of what its return statements tell")
SHOW = Option("--show", "keys", "k,..", "keys whose values stand beside the question")
ANSWERS = Option("--options", "texts", "a,b", "the answers to choose from, instead of approve,reject")
EDIT = Option("--edit", "keys", "k,..", "keys whose values may be changed in the answer")
FORM = Option(
    "--form",
    "type",
    "TYPE",
    "what is to be entered too, such as int or a class of the notebook; it goes to the key NAME_form",
    choices=("str", "int", "float", "bool"),
)

RETRY = Option("--retry", "count", "N", "how often it is tried in all; in a map, each item")
BACKOFF = Option("--backoff", "delay", "S", "seconds before the second attempt, doubled for each further one; else 1")
RETRY_ON = Option(
    "--retry-on",
    "errors",
    "NAME,..",
    "the errors after which it is tried again, instead of all",
    choices=("ConnectionError", "Exception", "OSError", "RuntimeError", "TimeoutError", "ValueError"),
)
TIMEOUT = Option("--timeout", "seconds", "S", "how long one attempt may take: 30, 0.5, 30s, 5m or 2h")
CACHE = Option(
    "--cache",
    "seconds",
    "TTL",
    "use its result again while its code and what it reads are the same; for 2h, say, or always",
    optional=True,
)
VERSION = Option("--version", "text", "TEXT", "what else the cached result depends on")
JOIN = Option(
    "--join",
    "choice",
    "|".join(JOINS),
    "start it once for all that led to it, for any arrival, or for the first, which cancels the rest",
    choices=JOINS,
)
PARALLEL = Option("--parallel", "count", "N", "how many items of a map are called at once")
ON = Option(
    "--on",
    "executor",
    "|".join((*EXECUTORS, "NAME")),
    "where a plain def is called; NAME is a variable with an executor of concurrent.futures",
    choices=EXECUTORS,
)
CALLING = (RETRY, BACKOFF, RETRY_ON, TIMEOUT, CACHE, VERSION, JOIN, PARALLEL)

READS = Option("--reads", "pairs", "its=ours,..", "our key for an input of it, where ours has another name")
HANDS = Option(
    "--writes",
    "pairs",
    "ours=its,..",
    "its keys to hand out, maybe by a name of ours, instead of what its last nodes write",
)
NAMED = Option("--name", "node", "NAME", "the name of the node, instead of the graph's")
LIMIT = Option("--limit", "count", "N", "its steps until the run is paused; else 1000")

NODE = Form("%%node", (WRITES, *CALLING, ON, GRAPH), "its name is that of the function")
EDGES = Form("%%edges", (GRAPH,), "what it holds stands in the lines below")
EDGE = Form("%edge", (GRAPH,), "edges follow the options")
STATE = Form("%%state", (GRAPH,), "what it holds stands in the lines below")
HUMAN = Form(
    "%%human",
    (SHOW, ANSWERS, EDIT, FORM, GRAPH, _later("--timeout")),
    "the question stands in the lines below",
    argument="node",
    example="gate",
)
SUBGRAPH = Form(
    "%subgraph",
    (READS, HANDS, NAMED, LIMIT, *CALLING, GRAPH),
    "it makes one node of one graph",
    argument="graph",
    example="research",
)

ACTIONS = (
    Action("new", "new", "start an empty graph and bind it to its name; clears one that is there"),
    Action("use", "graph", "make a graph of this notebook the current one"),
    Action("show", "", "display a picture of the current graph, which stays current"),
    Action("check", "", "print the problems of the current graph"),
    Action("drop", "node", "forget a node and its edges"),
    Action("forget", "", "forget the cached results of the current graph and of its subgraphs"),
    Action("export", later=True),
    Action("runs", later=True),
    Action("approvals", later=True),
)
_SPELT = {"new": "NAME", "graph": "NAME", "node": "NODE", "": ""}


def built(form: Form) -> tuple[Option, ...]:
    """The options of a magic that work."""
    return tuple(option for option in form.options if option.kind != "later")


def describe(form: Form) -> str:
    """The options of a magic for its help, one a line."""
    later = [option.name for option in form.options if option.kind == "later"]
    listed = _columns([(option.spelt, option.help) for option in built(form)])
    return "\n".join(["Options:", *listed, *([f"Come later: {', '.join(later)}."] if later else [])])


def describe_actions() -> str:
    """What `%graph` knows, for its help, one a line."""
    actions = [action for action in ACTIONS if not action.later]
    listed = _columns([(f"%graph {action.name} {_SPELT[action.argument]}", action.help) for action in actions])
    later = ", ".join(action.name for action in ACTIONS if action.later)
    return "\n".join(["Actions:", *listed, f"Come later: {later}."])


def _columns(rows: list[tuple[str, str]]) -> list[str]:
    width = max(len(spelt) for spelt, _ in rows) + 2
    return [f"    {spelt:<{width}}{help}" for spelt, help in rows]
