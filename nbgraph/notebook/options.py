"""What every magic takes on its line: tables, so that the parser, the help and the completer say the same."""

from __future__ import annotations

from typing import NamedTuple

from nbgraph.core.events import Status
from nbgraph.core.policies import EXECUTORS, JOINS

INTERRUPTED = "interrupted"  # a run that was under way in a process that is no more
STATUSES = (*(status.value for status in Status), INTERRUPTED)


class Option(NamedTuple):
    """An option of a magic.

    `kind` is what its value is: a "graph", a "node" or a "text"; "keys", "texts" or "pairs" of keys; a "count",
    "seconds" or a "delay" (of none, too), a "number" (0, too), a "deadline"; a "choice" of `choices`, or several
    "choices"; "renames" of nodes; several "nodes" or "tools", a "key", a "decimal"; "errors", an "executor" or a "type"
    that the notebook has a name for, `choices` being those to offer first. A "flag" has no value, and an `optional` one
    may be left out.
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
        return f"{self.name} [{self.value}]" if self.optional else f"{self.name} {self.value}".rstrip()


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
    """What may stand after `%graph`.

    Each of the `arguments` is "new", "graph", "node", "run" or "file", or "runs" for the name of a graph or `all`; that
    one may be left out.
    """

    name: str
    arguments: tuple[str, ...] = ()
    help: str = ""
    options: tuple[Option, ...] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """The arguments that may not be left out."""
        return tuple(each for each in self.arguments if each != "runs")

    @property
    def spelt(self) -> str:
        """The action with what follows it, as `%graph drop NODE`."""
        options = (f"[{option.spelt}]" for option in self.options)
        return " ".join(["%graph", self.name, *(_SPELT[each] for each in self.arguments), *options])


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
TIMEOUT = Option("--timeout", "seconds", "S", "how long one attempt may take: 30, 0.5, 30s, 5m, 2h or 1d")
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

DEADLINE = Option(
    "--timeout",
    "deadline",
    "TIME=OPTION",
    "how long it waits (45s, 30m, 24h or 2d), and which option is the answer then, as 24h=reject",
)

MODEL = Option("--model", "text", "NAME", "the model at the endpoint, instead of the configured one")
TEMPERATURE = Option("--temperature", "decimal", "N", "how much the model varies, from 0 to 2; else as it comes")
TOOLS = Option("--tools", "tools", "f,g", "functions and graphs of the notebook that the model may call")
APPROVE = Option("--approve", "tools", "f,g", "those of them that wait for a person's approval, call by call")
OUTPUT = Option(
    "--output",
    "type",
    "TYPE",
    "the form of the answer: int, say, or a class or Literal of the notebook; else text",
    choices=("str", "int", "float", "bool"),
)
HANDOFFS = Option("--handoffs", "nodes", "a,b", "agents that it may hand over to; the key handoff says to which")
HISTORY = Option("--history", "key", "KEY", "the key with the conversation that it goes on with, such as messages")
TURNS = Option("--turns", "count", "N", "how often the model may be called in one task; else 10")
ANSWER = Option("--writes", "keys", "k,..", "the key for the answer, or several: fields of its output; else NAME")

STATUS = Option("--status", "choices", "a,b", "only runs that stand so, such as waiting,failed", choices=STATUSES)
ROWS = Option("--limit", "count", "N", "how many at most; else 20")
RENAME = Option("--rename", "renames", "old=new,..", "nodes of the stored run that have another name now")
KEEP = Option("--keep", "number", "N", "how many of the latest runs stay")
OLDER = Option("--older-than", "seconds", "TIME", "only runs in which nothing has happened for so long, as 30d")
DRY_RUN = Option("--dry-run", "flag", "", "delete nothing, and say what would be")

NODE = Form("%%node", (WRITES, *CALLING, ON, GRAPH), "its name is that of the function")
EDGES = Form("%%edges", (GRAPH,), "what it holds stands in the lines below")
EDGE = Form("%edge", (GRAPH,), "edges follow the options")
STATE = Form("%%state", (GRAPH,), "what it holds stands in the lines below")
HUMAN = Form(
    "%%human",
    (SHOW, ANSWERS, EDIT, FORM, DEADLINE, GRAPH),
    "the question stands in the lines below",
    argument="node",
    example="gate",
)
AGENT = Form(
    "%%agent",
    (*(MODEL, TEMPERATURE, TOOLS, APPROVE, OUTPUT, HANDOFFS, HISTORY, TURNS, ANSWER), *CALLING, GRAPH),
    "the prompt stands in the lines below",
    argument="node",
    example="writer",
)
SUBGRAPH = Form(
    "%subgraph",
    (READS, HANDS, NAMED, LIMIT, *CALLING, GRAPH),
    "it makes one node of one graph",
    argument="graph",
    example="research",
)

ACTIONS = (
    Action("new", ("new",), "start an empty graph and bind it to its name; clears one that is there"),
    Action("use", ("graph",), "make a graph of this notebook the current one"),
    Action("show", (), "display a picture of the current graph, which stays current"),
    Action("check", (), "print the problems of the current graph"),
    Action("drop", ("node",), "forget a node and its edges"),
    Action("forget", (), "forget the cached results of the current graph and of its subgraphs"),
    Action("runs", ("runs",), "list the stored runs of the current graph, of another or of all", (STATUS, ROWS)),
    Action(
        "approvals", ("runs",), "show the open questions of all stored runs, or of those of a graph, to be answered"
    ),
    Action("resume", ("run",), "go on with a stored run", (RENAME,)),
    Action("prune", (), "delete runs of the current graph that have ended", (KEEP, OLDER, DRY_RUN)),
    Action("delete", ("run",), "delete a stored run"),
    Action("export", ("run", "file"), "write a stored run to a file"),
    Action("import", ("file",), "read a run from a file that export wrote"),
)
_SPELT = {"new": "NAME", "graph": "NAME", "node": "NODE", "run": "RUN", "file": "FILE", "runs": "[NAME|all]"}


def describe(form: Form) -> str:
    """The options of a magic for its help, one a line."""
    return "\n".join(["Options:", *_columns([(option.spelt, option.help) for option in form.options])])


def describe_actions() -> str:
    """What `%graph` knows, for its help, one a line, each with its options below."""
    listed = [row for action in ACTIONS for row in _rows(action)]
    return "\n".join(["Actions:", *_columns(listed)])


def _rows(action: Action) -> list[tuple[str, str]]:
    spelt = action._replace(options=()).spelt
    return [(spelt, action.help), *((f"    {option.spelt}", option.help) for option in action.options)]


def _columns(rows: list[tuple[str, str]]) -> list[str]:
    width = max(len(spelt) for spelt, _ in rows) + 2
    return [f"    {spelt:<{width}}{help}" for spelt, help in rows]
