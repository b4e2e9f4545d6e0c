"""Agent nodes: the cell is the prompt of a model, which may call tools, hand over, and answer in a given form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from nbgraph.core.context import Context
from nbgraph.core.edges import check_name
from nbgraph.core.graph import Graph, Node, declared_in
from nbgraph.core.policies import PLAIN, Join, Policy
from nbgraph.core.reducers import messages
from nbgraph.core.signature import Read, Writes
from nbgraph.errors import DeclarationError, brief, nearest
from nbgraph.models.output import Output, read_output
from nbgraph.models.prompt import Prompt, read_prompt
from nbgraph.nodes.conversation import Conversation
from nbgraph.nodes.toolbox import HAND_OVER, Toolbox, looked_up, named_tools

HANDOFF = "handoff"
HISTORY = "messages"
TURNS = 10


class Agent(NamedTuple):
    """What is declared of an agent.

    `writes` are the keys of its answer: one for all of it, or several fields of its `output`. `history` is the key that
    holds the conversation, or None; `approve` are the tools that a person allows call by call.
    """

    name: str
    prompt: Prompt
    writes: tuple[str, ...]
    model: str | None = None
    temperature: float | None = None
    tools: Mapping[str, Any] = {}
    approve: tuple[str, ...] = ()
    output: Output | None = None
    handoffs: tuple[str, ...] = ()
    history: str | None = None
    turns: int = TURNS


class AgentBody:
    """Talks with the model until it answers; each call of the model or a tool is kept in the run's log."""

    blocking = False

    def __init__(self, agent: Agent, toolbox: Toolbox) -> None:
        self.agent, self.toolbox = agent, toolbox

    @property
    def asks(self) -> tuple[str, ...]:
        """The tools for which a person is asked."""
        return self.agent.approve

    @property
    def marks(self) -> tuple[str, ...]:
        """What a picture says of it, a few words each."""
        agent, tools = self.agent, ", ".join(self.agent.tools)
        return (*((agent.model,) if agent.model else ()), *((f"tools {tools}",) if tools else ()))

    @property
    def called(self) -> tuple[str, ...]:
        """What an answer depends on beside the prompt: the options, and the code of the tools."""
        agent = self.agent
        options = (agent.model, agent.temperature, agent.writes, agent.handoffs, agent.history, agent.turns)
        return (repr(options), repr(agent.output and agent.output.schema), *self.toolbox.code)

    @property
    def missing(self) -> tuple[str, ...]:
        """The tools that nothing in the notebook stands for."""
        return self.toolbox.missing

    @property
    def circular(self) -> tuple[str, ...]:
        """The tools that are graphs which the agent is in itself."""
        return self.toolbox.circular

    def default_for(self, key: str) -> str:
        """Where a default for a key of the prompt is written."""
        return f'a default in the prompt, {{{{ {key} | default("") }}}}'

    async def __call__(self, arguments: dict[str, Any], context: Context) -> dict[str, Any]:
        return await Conversation(self.agent, self.toolbox, arguments, context).update()


def agent_node(
    name: str,
    prompt: str,
    *,
    home: Graph | None = None,
    model: str | None = None,
    temperature: float | None = None,
    tools: Iterable[Any] = (),
    approve: Iterable[str] = (),
    output: Any = None,
    handoffs: Iterable[str] = (),
    history: str | None = None,
    turns: int = TURNS,
    writes: str | Iterable[str] | None = None,
    policy: Policy = PLAIN,
    join: Join = "all",
) -> Node:
    """The node `name` whose model is asked `prompt`; see `Graph.agent` for the rest.

    Args:
        home: the graph that it is a node of; the notebook of that finds tools by their names, when a run starts.

    Raises:
        TextError: the prompt cannot be read.
        DeclarationError: an option makes no sense.
    """
    check_name(name, "node")
    named, handing = named_tools(name, tools), _names(handoffs, "node")
    agent = Agent(
        name=name,
        prompt=read_prompt(prompt),
        writes=_names(name if writes is None else writes, "key"),
        model=_text(name, "model", model),
        temperature=_temperature(name, temperature),
        tools=named,
        approve=_approved(name, approve, named),
        output=None if output is None else read_output(output),
        handoffs=handing,
        history=check_name(history, "key") if history else HISTORY if handing else None,
        turns=_turns(name, turns),
    )
    _check(agent)
    source, latest, asked = declared_in.get(), list[tuple[object, Node]](), list[bool]()

    def now() -> Node:
        """The node with the tools that the notebook has now; made anew only when these have changed."""
        if asked:  # by a graph among its tools, which it is in itself
            return latest[0][1] if latest else made({})
        asked.append(True)
        try:
            found = looked_up(named, home)
            version = tuple(tool.declared_so_far() if isinstance(tool, Graph) else id(tool) for tool in found.values())
            if not latest or latest[0][0] != version:
                latest[:] = [(version, made(found))]
            return latest[0][1]
        finally:
            asked.clear()

    def made(found: Mapping[str, Any]) -> Node:
        toolbox = Toolbox(name, found, handing)
        return Node(
            name=name,
            kind="agent",
            body=AgentBody(agent, toolbox),
            reads=_reads(agent),
            writes=_writes(agent, output),
            code=prompt,
            source=source,
            policy=policy,
            join=join,
            inner=toolbox.graphs if toolbox.graphs.declared else None,
            now=now if named else None,
            reducers={agent.history: messages} if agent.history else {},
        )

    return now()


def _reads(agent: Agent) -> tuple[Read, ...]:
    reads = tuple(Read(key, required) for key, required in agent.prompt.reads)
    if agent.history is None or agent.history in [read.key for read in reads]:
        return reads
    return (*reads, Read(agent.history, False, list[Any]))


def _writes(agent: Agent, hint: Any) -> Writes:
    outcomes = agent.output.outcomes if agent.output else ()
    names, types = dict[str, tuple[str, ...]](), dict[str, Any]()
    if len(agent.writes) == 1:
        types[agent.writes[0]] = str if agent.output is None else hint
        names |= {agent.writes[0]: outcomes} if outcomes else {}
    more = [agent.history] if agent.history else []
    if agent.handoffs:
        more.append(HANDOFF)
        names[HANDOFF] = agent.handoffs
    return Writes((*agent.writes, *more), True, names, types)


def _check(agent: Agent) -> None:
    name = agent.name
    if not agent.prompt.user and agent.history is None:
        raise DeclarationError(
            f"{name} has a system: part and nothing to answer; add a user: part, or --history messages."
        )
    if len(agent.writes) > 1 and agent.output is None:
        keys = ",".join(agent.writes)
        raise DeclarationError(f"{name} writes {keys}, so --output has to name a class with these fields.")
    own = {agent.history, HANDOFF if agent.handoffs else None} & set(agent.writes)
    if own:
        raise DeclarationError(f"{name} writes {own.pop()!r} itself; let its answer go to another key with --writes.")
    twice = next((node for node in agent.handoffs if HAND_OVER + node in agent.tools), None)
    if twice:
        raise DeclarationError(
            f"{name} hands over to {twice} by a tool {HAND_OVER}{twice}, and has one of that name; rename the function."
        )
    if name in agent.handoffs:
        raise DeclarationError(f"{name} cannot hand over to itself.")


def _names(given: str | Iterable[str], what: str) -> tuple[str, ...]:
    named = (given,) if isinstance(given, str) else given
    return tuple(dict.fromkeys(check_name(name, what) for name in named))


def _approved(agent: str, given: Iterable[str], tools: Mapping[str, Any]) -> tuple[str, ...]:
    approve = tuple(dict.fromkeys((given,) if isinstance(given, str) else given))
    for name in approve:
        if name not in tools:
            known = f"it has {', '.join(tools)}." if tools else "it has none."
            raise DeclarationError(f"{agent} has no tool {name!r} to approve{nearest(name, tools) or f'; {known}'}")
    return approve


def _text(agent: str, what: str, given: Any) -> str | None:
    if given is not None and (not isinstance(given, str) or not given.strip()):
        raise DeclarationError(f"{agent}: {what} is a name, not {brief(given)}.")
    return given


def _temperature(agent: str, given: Any) -> float | None:
    if given is None:
        return None
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 <= given <= 2:
        raise DeclarationError(f"{agent}: temperature is a number from 0 to 2, not {brief(given)}.")
    return float(given)


def _turns(agent: str, given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise DeclarationError(f"{agent}: turns is a whole number, 1 or more, not {brief(given)}.")
    return given
