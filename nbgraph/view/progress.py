"""A run's events folded into what pictures and tables show of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, assert_never

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    Printed,
    RunStarted,
    Status,
    StatusChanged,
    TaskCancelled,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from nbgraph.core.outline import Outline
from nbgraph.view.node_progress import NodeProgress
from nbgraph.view.values import names_secret, plain, short_update, shorten

LIVE_ROWS = 200
RECORD_ROWS = 500
LOG = 4000
FAILURES = 50


class Progress:
    """Events in, snapshots and changes out; an event costs the same however long the run is."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self.status = ""
        self.reason = ""
        self.nodes: dict[str, NodeProgress] = {}
        self.edges: dict[int, dict[str, Any]] = {}
        self.rows: deque[dict[str, Any]] = deque(maxlen=RECORD_ROWS)
        self.answers: deque[dict[str, Any]] = deque(maxlen=RECORD_ROWS)
        self.failures: deque[dict[str, Any]] = deque(maxlen=FAILURES)
        self.steps = self.answered = 0
        self._asked: dict[tuple[str, int], set[str]] = {}
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

    def apply(self, event: Event) -> None:  # noqa: C901  one case for each kind of event
        """Take in one event."""
        match event:
            case RunStarted():
                self._begin(event)
            case TaskStarted():
                self._start(event)
            case TaskFinished():
                self._finish(event)
            case TaskFailed():
                self._fail(event)
            case TaskCancelled():
                self._become(event.node, event.visit, "cancelled")
            case ApprovalAsked() | ApprovalAnswered():
                self._approve(event.approval)
            case Printed():
                self._print(event)
            case StatusChanged():
                self._change(event)
            case _:
                assert_never(event)

    def snapshot(self, rows: int = LIVE_ROWS) -> dict[str, Any]:
        """All that is shown, as plain JSON-able data with at most `rows` rows of steps and of answers."""
        return {
            "run": self._run(),
            "nodes": {name: self._node(name) for name in self.nodes},
            "edges": {str(index): dict(edge) for index, edge in self.edges.items()},
            "rows": list(self.rows)[-rows:],
            "steps": self.steps,
            "answers": list(self.answers)[-rows:],
            "answered": self.answered,
        }

    def changes(self) -> dict[str, Any]:
        """What changed since the last call, in the shape of a snapshot without what stayed; empty when nothing did."""
        found: dict[str, Any] = {}
        if self._run_changed:
            found["run"] = self._run()
        if self._nodes_changed:
            found["nodes"] = {name: self._node(name) for name in self._nodes_changed}
        if self._edges_changed:
            found["edges"] = {str(index): dict(self.edges[index]) for index in self._edges_changed}
        if self._new_rows:
            found.update(rows=list(self._new_rows), steps=self.steps)
        if self._new_answers:
            found.update(answers=list(self._new_answers), answered=self.answered)
        self._settle()
        return found

    def details(self, node: str) -> dict[str, Any]:
        """What is shown of one node on demand: its code, last update, printed text and error."""
        about = next((one for one in self.outline.nodes if one.name == node), None)
        seen = self.nodes.get(node, NodeProgress())
        return {
            "signature": about.signature if about else "",
            "code": about.code if about else "",
            "cell": about.where if about else "",
            "update": dict(seen.update),
            "log": seen.log,
            "error": seen.error,
            "where": seen.where,
        }

    def _settle(self) -> None:
        self._run_changed = False
        self._nodes_changed: set[str] = set()
        self._edges_changed: set[int] = set()
        self._new_rows: deque[dict[str, Any]] = deque(maxlen=LIVE_ROWS)
        self._new_answers: deque[dict[str, Any]] = deque(maxlen=LIVE_ROWS)

    def _begin(self, event: RunStarted) -> None:
        for edge in event.taken:
            if edge.reason:  # the plain ones are lit before the run has told anything
                self._take(edge.edge, edge.target, edge.reason)

    def _leave_start(self) -> None:
        """Plain edges out of START are taken by every run, and no task tells of them."""
        starts = {node.name for node in self.outline.nodes if node.kind == "start"}
        for index, edge in enumerate(self.outline.edges):
            if edge.source in starts and edge.kind == "plain":
                self._take(index, edge.target, "")

    def _run(self) -> dict[str, Any]:
        return {"status": self.status, "reason": self.reason}

    def _node(self, name: str) -> dict[str, Any]:
        node = self.nodes[name]
        shown = {"state": node.state, "visits": node.visits, "error": node.error}
        return shown if node.items is None else {**shown, "items": node.items}

    def _touch(self, name: str) -> NodeProgress:
        self._nodes_changed.add(name)
        return self.nodes.setdefault(name, NodeProgress())

    def _become(self, name: str, visit: int, state: str) -> NodeProgress:
        node = self._touch(name)
        node.become(visit, state)
        return node

    def _start(self, event: TaskStarted) -> None:
        node = self._become(event.node, event.visit, "active")
        node.started[event.visit] = event.at
        node.items, node.error, node.where = event.items, "", ""

    def _finish(self, event: TaskFinished) -> None:
        node = self._touch(event.node)
        # a failed task that went on along its error edge has finished too, and stays marked as failed
        if node.tasks.get(event.visit) != "failed":
            node.become(event.visit, "done")
        node.update = short_update(event.update)
        began = node.started.pop(event.visit, event.at)
        row = {
            "step": event.step,
            "node": event.node,
            "visit": event.visit,
            "edges": [self._take(edge, target, reason) for edge, _, target, reason in event.taken],
            "update": node.update,
            "seconds": round(max(0.0, event.at - began), 3),
        }
        self.rows.append(row)
        self._new_rows.append(row)
        self.steps += 1

    def _take(self, index: int, target: str, reason: str) -> dict[str, str]:
        edge = self.edges.setdefault(index, {"taken": 0, "reason": ""})
        edge["taken"] += 1
        edge["reason"] = self._shown_reason(index, reason)
        self._edges_changed.add(index)
        return {"target": target, "reason": edge["reason"]}

    def _shown_reason(self, index: int, reason: str) -> str:
        """The reason, or the guard as written where the reason would tell a secret's value."""
        known = 0 <= index < len(self.outline.edges)
        if names_secret(reason):
            return self.outline.edges[index].label if known else ""
        return shorten(reason)

    def _fail(self, event: TaskFailed) -> None:
        node = self._become(event.node, event.visit, "failed")
        node.error = shorten(f"{event.failure.type}: {event.failure.message}", 500)
        node.where = event.failure.where
        self.failures.append(
            {"node": event.node, "visit": event.visit, "error": node.error, "where": event.failure.where}
        )

    def _approve(self, approval: Approval) -> None:
        if approval.answer is None:
            self._ask(approval)
        else:
            self._answer(approval, approval.answer)

    def _ask(self, approval: Approval) -> None:
        self._asked.setdefault((approval.node, approval.visit), set()).add(approval.id)
        self._become(approval.node, approval.visit, "waiting")

    def _answer(self, approval: Approval, answer: Answer) -> None:
        task = approval.node, approval.visit
        still = self._asked.get(task, set()) - {approval.id}
        self._asked[task] = still
        if not still:
            del self._asked[task]
            self._become(*task, "active")
        self.answered += 1
        shown = {"number": self.answered, "node": approval.node, "visit": approval.visit, "option": answer.option}
        shown |= {"note": shorten(answer.note), "by": answer.by, "at": answer.at, "edit": short_update(answer.edit)}
        self.answers.append(shown)
        self._new_answers.append(shown)

    def _print(self, event: Printed) -> None:
        node = self.nodes.setdefault(event.node, NodeProgress())
        node.log = (node.log + plain(event.text))[-LOG:]

    def _change(self, event: StatusChanged) -> None:
        if not self.status:
            self._leave_start()
        if event.status is Status.RUNNING and self.status == Status.FAILED:
            self.failures.clear()
        self.status, self.reason = event.status.value, shorten(event.reason, 500)
        self._run_changed = True


def merged(snapshot: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A snapshot with later changes folded in; the script of the graph widget does the same."""
    result = {**snapshot, **changes}
    for part in ("nodes", "edges"):
        result[part] = {**snapshot.get(part, {}), **changes.get(part, {})}
    for part, number in (("rows", "step"), ("answers", "number")):
        result[part] = _appended(snapshot.get(part, []), changes.get(part, []), number)
    return result


def _appended(rows: list[dict[str, Any]], more: list[dict[str, Any]], number: str) -> list[dict[str, Any]]:
    """Rows with those of `more` that come after the last of them."""
    last = rows[-1][number] if rows else -1
    return [*rows, *(row for row in more if row[number] > last)][-LIVE_ROWS:]
