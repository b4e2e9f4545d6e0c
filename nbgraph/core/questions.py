"""Questions: what one run asks people, while the answers are awaited."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Container, Mapping
from threading import Condition
from typing import Any

from nbgraph.core.approvals import Answers, Approval, checked_answer
from nbgraph.core.ports import Store
from nbgraph.errors import ApprovalError, brief, nearest

Asked = tuple[Approval, str, "asyncio.Future[Approval]"]


class Questions:
    """The open questions of the run `run_id`; any thread may answer, the first one wins.

    `changed` guards the open questions together with the run's status, and `go_on` is called under it with each answer.
    `notices` are sentences on answers that were given beforehand and not used.
    """

    def __init__(
        self,
        run_id: str,
        store: Store,
        given: Answers,
        notices: list[str],
        changed: Condition,
        clock: Callable[[], float],
        go_on: Callable[[asyncio.Future[Approval], Approval], None],
    ) -> None:
        self._run_id, self._store, self._given, self._clock = run_id, store, given, clock
        self._changed, self._go_on, self._notices = changed, go_on, notices
        self._open: dict[str, Asked] = {}
        self._waiting: Counter[str] = Counter()
        self._closed = ""

    @property
    def asking(self) -> list[str]:
        """The nodes that wait for an answer."""
        with self._changed:
            return [approval.node for approval, *_ in self._open.values()]

    @property
    def all(self) -> list[Approval]:
        """All questions asked so far, with their answers."""
        return self._store.approvals(self._run_id)

    def waiting(self, task_id: str) -> int:
        """How many open questions a task has."""
        return self._waiting[task_id]

    def open(self, approval: Approval, task_id: str, future: asyncio.Future[Approval]) -> None:
        """Ask; `future` gets the approval with its answer."""
        with self._changed:  # whoever sees the question in the store can answer it
            self._store.ask(approval)
            self._open[approval.id] = (approval, task_id, future)
            self._waiting[task_id] += 1

    def answer(self, name: str, option: str, note: str, edit: Mapping[str, Any], by: str) -> Approval:
        """Keep the answer to the open question of the node, or with the id, `name`.

        Raises:
            AlreadyAnswered: somebody was first.
            ApprovalError: there is no such question, or the answer does not fit it.
        """
        with self._changed:  # a question that is closed meanwhile must not be answered
            approval = self._find(name)
            if approval.answer is None and self._closed:
                raise ApprovalError(self._closed)
            answered = self._store.answer(approval.id, checked_answer(approval, option, note, edit, by, self._clock()))
            asked = self._open.pop(approval.id, None)
            if asked is not None:
                _, task_id, future = asked
                self._waiting[task_id] -= 1
                self._go_on(future, answered)
            return answered

    def use_given(self, approval: Approval) -> None:
        """Answer with what was given beforehand, where something was."""
        given = self._given.take(approval)
        if given is None:
            self._notices += self._given.missing(approval.node)
            return
        try:
            self.answer(approval.id, given["answer"], given.get("note", ""), given.get("edit", {}), self._given.by)
        except ApprovalError as error:
            self._notices.append(f"an answer given beforehand was not used: {error}")

    def close(self, why: str) -> None:
        """Take no more answers; `why` is the sentence for whoever still answers."""
        with self._changed:
            self._closed = why
            self._open.clear()

    def left_over(self, nodes: Container[str]) -> list[str]:
        """Sentences on answers given beforehand for `nodes` that were not asked for."""
        return self._given.left_over(nodes)

    def _find(self, name: str) -> Approval:
        asked = [approval for approval, *_ in self._open.values() if name in (approval.node, approval.id)]
        if len(asked) > 1:
            raise ApprovalError(f"{name} asks {len(asked)} questions; answer one by its id, such as {asked[0].id}.")
        if asked:
            return asked[0]
        known = self.all
        past = [approval for approval in known if name in (approval.node, approval.id)]
        if past:
            return past[-1]  # the store then says who answered
        alike = nearest(name, [approval.node for approval in known])
        raise ApprovalError(f"no question is open at {brief(name)}{alike or '.'}")
