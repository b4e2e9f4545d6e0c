"""A run's events folded into what pictures and tables show of it."""

from __future__ import annotations

from collections import deque
from typing import Any, assert_never

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    ApprovalWithdrawn,
    BreakpointsChanged,
    Emitted,
    Event,
    ItemsEnded,
    ModelCalled,
    ModelWrote,
    Printed,
    RunStarted,
    StateEdited,
    Status,
    StatusChanged,
    TaskCancelled,
    TaskFailed,
    TaskFinished,
    TaskRetried,
    TaskStarted,
    ToolCalled,
)
from nbgraph.core.outline import Outline
from nbgraph.core.usage import NOTHING
from nbgraph.view.clusters import Nesting, is_in, marks, node_path, task_name
from nbgraph.view.node_progress import EdgeProgress, Ended, Key, NodeProgress
from nbgraph.view.pace import Clock, pace
from nbgraph.view.rows import LIVE_ROWS, RECORD_ROWS, Row, Rows
from nbgraph.view.talk import Talk, tool_line
from nbgraph.view.timeline import Timeline
from nbgraph.view.values import plain, short, short_update, shorten

FAILURES = 50
TOLD_INSIDE = 2
VERBS = {"active": "runs", "waiting": "waits", "failed": "failed"}


class Progress:
    """Events in, snapshots and changes out; an event costs the same however long the run is."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self.status = ""
        self.reason = ""
        self.nodes: dict[str, NodeProgress] = {}
        self.edges: dict[int, EdgeProgress] = {}
        self.rows = Rows()
        self.answers: deque[dict[str, Any]] = deque(maxlen=RECORD_ROWS)
        self.failures: deque[dict[str, Any]] = deque(maxlen=FAILURES)
        self.answered = 0
        self.breaks: dict[str, list[str]] = {"before": [], "after": []}
        self.used = NOTHING
        self.clock = Clock()
        self._pace: dict[str, Any] = self.clock.told()  # as it was told last
        self._talk = Talk()
        self.timeline = Timeline()
        self._asked: dict[tuple[str, Key], set[str]] = {}
        self._nesting = Nesting(outline)
        self._settle()

    @property
    def outline(self) -> Outline:
        """The graph as the run now goes on with; edges that a new one still has keep their counts."""
        return self._outline

    @outline.setter
    def outline(self, outline: Outline) -> None:
        before = {edge: self.edges[index] for index, edge in enumerate(self._outline.edges) if index in self.edges}
        self._outline = outline
        self.edges = {index: before[edge] for index, edge in enumerate(outline.edges) if edge in before}
        self._edges_changed.clear()
        self._edges_changed.update(self.edges)
        self._nesting = Nesting(outline)

    def apply(self, event: Event) -> None:  # noqa: C901  one case for each kind of event
        """Take in one event."""
        self._talk.hear(event)
        self.timeline.hear(event)
        self.clock.hear(event)
        match event:
            case RunStarted():
                self._begin(event)
            case TaskStarted():
                self._start(event)
            case ItemsEnded():
                self._touch(event.node).maps[event.within, event.visit] = Ended(event.items, event.done, event.failed)
            case TaskFinished():
                self._finish(event)
            case TaskRetried():
                self._retry(event)
            case TaskFailed():
                self._fail(event)
            case TaskCancelled():
                self._cancel(event)
            case ApprovalAsked() | ApprovalAnswered():
                self._approve(event.approval)
            case ApprovalWithdrawn():
                self._withdraw(event.approval)
            case Printed():
                self._of(event.node).say(plain(event.text))
            case Emitted():
                self._of(event.node).say_line(f"emitted {short('', event.value)}")
            case ModelWrote():
                pass
            case ModelCalled():
                self._call(event)
            case ToolCalled():
                self._use(event)
            case StateEdited():
                self._edit(event)
            case BreakpointsChanged():
                self.breaks = {"before": list(event.before), "after": list(event.after)}
                self._breaks_changed = True
            case StatusChanged():
                self._change(event)
            case _:
                assert_never(event)

    def snapshot(self, rows: int = LIVE_ROWS) -> dict[str, Any]:
        """All that is shown, as plain JSON-able data with at most `rows` rows of steps and of answers."""
        return {
            "run": self._run(),
            "pace": pace(self.clock, self.nodes),
            "breaks": self.breaks,
            "nodes": {name: self.node(name) for name in self.nodes},
            "edges": {str(index): self.edge(index) for index in self.edges},
            "rows": self.rows.newest(rows),
            "steps": self.rows.count,
            "answers": list(self.answers)[-rows:],
            "answered": self.answered,
            "talk": self._talk.snapshot(),
            "bars": self.timeline.snapshot(),
        }

    def changes(self) -> dict[str, Any]:
        """What changed since the last call, in the shape of a snapshot without what stayed; empty when nothing did."""
        found = self._moving_changes()
        if self._run_changed:
            found["run"] = self._run()
        if self._breaks_changed:
            found["breaks"] = self.breaks
        if self._nodes_changed:
            found["nodes"] = {name: self.node(name) for name in self._nodes_changed}
            self._let_go()
        if self._edges_changed:
            found["edges"] = {str(index): self.edge(index) for index in self._edges_changed}
        if rows := self.rows.news():
            found.update(rows=rows, steps=self.rows.count)
        if self._new_answers:
            found.update(answers=list(self._new_answers), answered=self.answered)
        self._settle()
        return found

    def _let_go(self) -> None:
        """Hold no values of a run: of the last steps of nodes only their texts are kept."""
        for node in map(self._of, self._nodes_changed):
            if node.row is not None:
                node.row.told()

    def _moving_changes(self) -> dict[str, Any]:
        """Of what changes without an event for each of its parts."""
        before, self._pace = self._pace, pace(self.clock, self.nodes)
        found = {"pace": {} if self._pace == before else self._pace}
        found |= {"bars": self.timeline.changes(), "talk": self._talk.changes()}
        return {part: news for part, news in found.items() if news}

    def node(self, name: str) -> dict[str, Any]:
        """What the picture shows of one node, as in a snapshot."""
        node = self.nodes.get(name, NodeProgress())
        more = {"note": node.note, "inside": self._told_inside(name)}
        shown = {"state": node.state, "visits": node.visits, "error": node.error}
        return {**shown, **{part: text for part, text in more.items() if text}}

    def edge(self, index: int) -> dict[str, Any]:
        """What the picture shows of one edge, as in a snapshot; nothing where it was not taken."""
        return self.edges[index].told() if index in self.edges else {}

    def details(self, node: str) -> dict[str, Any]:
        """What is shown of one node on demand: its code, last update, printed text and error."""
        about = next((one for one in self.outline.nodes if one.name == node), None)
        seen = self.nodes.get(node, NodeProgress())
        lead = f"{about.cluster}/" if about and about.cluster else ""
        return {
            "node": node,
            "signature": lead + about.signature if about and about.signature else "",
            "code": about.code if about else "",
            "cell": about.where if about else "",
            "marks": marks(about) if about else "",
            "used": str(seen.used) if seen.used.calls else "",
            "attempt": seen.attempt,
            "update": seen.row.told()["update"] if seen.row else {},
            "log": seen.log,
            "error": seen.error,
            "where": seen.where,
        }

    def _settle(self) -> None:
        self._run_changed = self._breaks_changed = False
        self._nodes_changed: set[str] = set()
        self._edges_changed: set[int] = set()
        self._new_answers: deque[dict[str, Any]] = deque(maxlen=LIVE_ROWS)

    def _begin(self, event: RunStarted) -> None:
        for edge in event.taken:
            if edge.reason or event.within:  # the run's own plain ones are lit before it has told anything
                self._take(edge.edge, edge.reason)
        if (name := node_path(event.within)) in self._nesting.tools:  # no task is told to have started
            self._become(name, (event.within, 0), "active")

    def _leave_start(self) -> None:
        """Plain edges out of START are taken by every run, and no task tells of them."""
        starts = {node.name for node in self.outline.nodes if node.kind == "start" and not node.cluster}
        for index, edge in enumerate(self.outline.edges):
            if edge.source in starts and edge.kind == "plain":
                self._take(index, "")

    def _run(self) -> dict[str, Any]:
        shown = {"status": self.status, "reason": self.reason}
        return {**shown, "used": str(self.used)} if self.used.calls else shown

    def _told_inside(self, name: str) -> str:
        """What is going on in a subgraph, such as `gate waits, search runs, 3 more`, for where it is one box."""
        told = [
            f"{inner[len(name) + 1 :]} {self.nodes[inner].ended or VERBS[self.nodes[inner].state]}"
            for inner in self._nesting.inside.get(name, ())
            if inner not in self._nesting.inside and inner in self.nodes and self.nodes[inner].state in VERBS
        ]
        more = len(told) - TOLD_INSIDE
        return ", ".join((*told[:TOLD_INSIDE], *([f"{more} more"] if more > 0 else [])))

    def _touch(self, name: str) -> NodeProgress:
        self._nodes_changed.add(name)
        for outer in self._nesting.around.get(name, ()):
            if outer in self.nodes:
                self._nodes_changed.add(outer)
        return self._of(name)

    def _of(self, name: str) -> NodeProgress:
        node = self.nodes.get(name)
        if node is None:
            node = self.nodes[name] = NodeProgress()
        return node

    def _become(self, name: str, task: Key, state: str) -> NodeProgress:
        node = self._touch(name)
        node.become(task, state)
        return node

    def _start(self, event: TaskStarted) -> None:
        task = event.within, event.visit
        node = self._become(event.node, task, "active")
        node.started[task] = event.at
        if event.items is not None:
            node.maps[task] = Ended(event.items)
        node.items, node.error, node.where, node.attempt, node.cached = event.items, "", "", "", False

    def _finish(self, event: TaskFinished) -> None:
        node, task = self._touch(event.node), (event.within, event.visit)
        failed = node.tasks.get(task) == "failed"
        handled = failed and any(self._guard(taken.edge) == "error" for taken in event.taken)
        node.become(task, "handled" if handled else "done")
        self._end_tools(event)
        node.cached, node.attempt = event.cached, ""
        if failed:
            self._handle(event, handled)
        node.maps.pop(task, None)
        used = node.calls.pop(task, None)
        how = "failed" if handled else "cached" if event.cached else "by hand" if event.edited else ""
        texts = {
            "step": event.step,
            "node": event.node,
            "task": task_name(event.node, event.visit, event.within) + (f" ({how})" if how else ""),
            "seconds": round(max(0.0, event.at - node.started.pop(task, event.at)), 3),
            **({"used": str(used)} if used else {}),
        }
        edges = [(target, *self._take(edge, reason)) for edge, _, target, reason in event.taken]
        node.row = Row(texts, event.update, edges)
        self.rows.add(node.row)

    def _handle(self, event: TaskFinished, handled: bool) -> None:
        """A task that had failed is over, by an error edge or by hand, and what failed in its subgraph with it."""
        within = task_name(event.node, event.visit, event.within, "#")
        for name in self._nesting.inside.get(event.node, ()):
            inner = self.nodes.get(name, NodeProgress())
            for task in [task for task, state in inner.tasks.items() if state == "failed" and is_in(task[0], within)]:
                self._become(name, task, "handled")
        for failure in self.failures:
            if (failure["node"], failure["within"], failure["visit"]) == (event.node, event.within, event.visit):
                failure["handled"] = handled
            elif is_in(failure["within"], within):
                failure["handled"] = True
        if not handled:
            self._touch(event.node).error = ""

    def _guard(self, index: int) -> str:
        return self.outline.edges[index].kind if 0 <= index < len(self.outline.edges) else ""

    def _edit(self, event: StateEdited) -> None:
        where = f" in {event.within}" if event.within else ""
        texts = {"step": event.step, "node": "", "task": f"edited by hand{where}", "seconds": None}
        self.rows.add(Row(texts, event.update, []))

    def _take(self, index: int, reason: str) -> tuple[str, str]:
        """Count an edge; why it was taken, and its guard as written."""
        edge = self.edges.get(index)
        if edge is None:
            known = 0 <= index < len(self.outline.edges)
            edge = self.edges[index] = EdgeProgress(guard=self.outline.edges[index].label if known else "")
        edge.taken += 1
        edge.reason = reason
        self._edges_changed.add(index)
        return reason, edge.guard

    def _retry(self, event: TaskRetried) -> None:
        node, failure = self._touch(event.node), event.failure
        item = "" if event.item is None else f"item {event.item}: "
        what = f"{item}{event.call} " if event.call else item
        node.retries += 1
        node.attempt = f"{what}attempt {event.attempt + 1} after {failure.type or 'an error'}"
        said = shorten(f"{failure.type}: {failure.message}".lstrip(": "), 300).rstrip(".")
        node.say_line(f"{what}attempt {event.attempt} failed: {said}; the next one in {event.delay:.2g} s")

    def _call(self, event: ModelCalled) -> None:
        self.used = self.used.plus(event)
        self._run_changed = True
        node = self._of(event.node)
        node.call((event.within, event.visit), event)
        node.say_line(f"{event.model}: {NOTHING.plus(event)} · {event.seconds:.1f} s")

    def _use(self, event: ToolCalled) -> None:
        line = tool_line(event)
        went = "failed: " if event.failed else ""
        self._of(event.node).say_line(f"{line['call']} → {went}{line['result']}")
        if (name := f"{event.node}/{event.tool}") in self._nesting.tools:
            self._become(name, (_tool_task(event), 0), "handled" if event.failed else "done")

    def _end_tools(self, event: TaskFinished | TaskFailed | TaskCancelled) -> None:
        """Graphs that an agent was calling when its task ended are called no more."""
        within = task_name(event.node, event.visit, event.within, "#")
        for name in self._nesting.called.get(event.node, ()):
            tasks = self.nodes[name].tasks if name in self.nodes else {}
            for task in [task for task, state in tasks.items() if state == "active" and is_in(task[0], within)]:
                self._become(name, task, "cancelled")

    def _fail(self, event: TaskFailed) -> None:
        node = self._become(event.node, (event.within, event.visit), "failed")
        self._end_tools(event)
        node.error = shorten(f"{event.failure.type}: {event.failure.message}", 500)
        node.where, node.attempt = event.failure.where, ""
        failure = {"node": event.node, "visit": event.visit, "within": event.within, "handled": False}
        failure["task"] = task_name(event.node, event.visit, event.within)
        self.failures.append({**failure, "error": node.error, "where": event.failure.where})

    def _cancel(self, event: TaskCancelled) -> None:
        node = self._become(event.node, (event.within, event.visit), "cancelled")
        self._end_tools(event)
        node.started.pop((event.within, event.visit), None)
        node.calls.pop((event.within, event.visit), None)
        node.attempt = ""

    def _approve(self, approval: Approval) -> None:
        if approval.answer is None:
            self._ask(approval)
        else:
            self._answer(approval, approval.answer)

    def _ask(self, approval: Approval) -> None:
        task = approval.within, approval.visit
        self._asked.setdefault((approval.asker, task), set()).add(approval.id)
        self._become(approval.asker, task, "waiting")

    def _withdraw(self, approval: Approval) -> None:
        task = approval.within, approval.visit
        still = self._asked.pop((approval.asker, task), set()) - {approval.id}
        if still:
            self._asked[approval.asker, task] = still
        elif approval.asker in self.nodes and self.nodes[approval.asker].tasks.get(task) == "waiting":
            self._become(approval.asker, task, "active")

    def _answer(self, approval: Approval, answer: Answer) -> None:
        self._withdraw(approval)
        self.answered += 1
        shown = {"number": self.answered, "node": approval.node, "option": _answered(answer)}
        shown |= {"task": task_name(approval.node, approval.visit, approval.within)}
        shown |= {"note": shorten(answer.note), "by": answer.by, "at": answer.at, "edit": short_update(answer.edit)}
        self.answers.append(shown)
        self._new_answers.append(shown)

    def _change(self, event: StatusChanged) -> None:
        if not self.status:
            self._leave_start()
        if event.status is Status.RUNNING and self.status == Status.FAILED:
            handled = [failure for failure in self.failures if failure["handled"]]
            self.failures.clear()
            self.failures.extend(handled)
        self.status, self.reason = event.status.value, shorten(event.reason, 500)
        self._run_changed = True


def _tool_task(event: ToolCalled) -> str:
    """What runs in the graph that an agent called: `ops#2/research#1.1`."""
    item = "" if event.item is None else f"[{event.item}]"
    number = event.call.removeprefix("tool")
    return f"{task_name(event.node, event.visit, event.within, '#')}{item}/{event.tool}#{number}"


def _answered(answer: Answer) -> str:
    """The option, with what was entered into a form."""
    entered = (f"{key} = {text}" if key else text for key, text in short_update(answer.form).items())
    return ": ".join(filter(None, (answer.option, ", ".join(entered))))
