"""Questions: what one run asks people, while the answers are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping
from threading import Condition
from typing import Any, NamedTuple

from nbgraph.core.approvals import REJECT, Answers, Approval, checked_answer
from nbgraph.core.forms import Form
from nbgraph.core.ports import Store
from nbgraph.errors import AlreadyAnswered, ApprovalError, StoreError, brief, nearest


class Asked(NamedTuple):
    """An open question, the form that reads its entries, and who waits for the answer."""

    approval: Approval
    form: Form | None
    future: asyncio.Future[Approval]


class Questions:
    """The questions of one run; any thread may answer, the first one wins, as the store says.

    `changed` guards the open questions together with the run's status, and `go_on` is called under it with each answer.
    `notices` are sentences on answers that were given beforehand and not used. `arriving` counts answers that were
    given and have not yet reached who waits for them. `asked` are those that were asked before, in another process;
    `told` are the ids of those whose answer has been told to watchers.
    """

    def __init__(
        self,
        store: Store,
        given: Answers,
        notices: list[str],
        changed: Condition,
        clock: Callable[[], float],
        go_on: Callable[[asyncio.Future[Approval], Approval], None],
        asked: Mapping[str, Approval],
        told: set[str],
    ) -> None:
        self._store, self._given, self._clock = store, given, clock
        self._changed, self._go_on, self._notices = changed, go_on, notices
        self._known, self._open = dict(asked), dict[str, Asked]()
        self._not_yet = {id for id, before in asked.items() if before.answer is None}  # asked again by their tasks
        self._closed, self.told = "", told
        self.withdrawn: list[str] = []  # the ids of those that were open when it was closed
        self.arriving = 0

    @property
    def asking(self) -> list[str]:
        """The nodes that wait for an answer."""
        with self._changed:
            return list(dict.fromkeys(asked.approval.node for asked in self._open.values()))

    @property
    def all(self) -> list[Approval]:
        """All questions asked so far, with their answers, in the order of asking."""
        with self._changed:
            return list(self._known.values())

    def asked(self, id: str) -> Approval | None:
        """The question with that id, or None."""
        return self._known.get(id)

    def open(self, asked: Asked) -> None:
        """Ask what the store holds already; the future gets the approval with its answer."""
        with self._changed:
            known = self._known.pop(asked.approval.id, None)  # asked anew, it is the latest one
            answered = known is not None and known.answer is not None and known.digest == asked.approval.digest
            self._known[asked.approval.id] = known if known is not None and answered else asked.approval
            self._open[asked.approval.id] = asked
            self.told.discard(asked.approval.id)
            self._not_yet.discard(asked.approval.id)
        if known is not None and answered:  # by another process, between the store's keeping it and this
            self.receive(known)

    def withdraw(self, approval: Approval) -> bool:
        """Ask it no more; whether it was open."""
        with self._changed:
            asked = self._open.get(approval.id)
            if asked is None or asked.approval is not approval:
                return False
            del self._open[approval.id]
            return True

    def arrived(self) -> None:
        """Called when an answer has reached who waited for it."""
        with self._changed:
            self.arriving -= 1

    def answer(self, name: str, option: str, note: str, edit: Mapping[str, Any], by: str, form: Any = None) -> Approval:
        """Keep the answer to the open question of the node, or with the id, `name`.

        The store is asked without a lock that the run's loop could wait for.

        Raises:
            AlreadyAnswered: somebody was first.
            ApprovalError: there is no such question, or the answer does not fit it.
            StoreError: the answer could not be kept.
        """
        with self._changed:
            approval = self._find(name)
            if approval.answer is None and self._closed:
                raise ApprovalError(self._closed)
            asked = self._open.get(approval.id)
            if asked is None and approval.answer is None and approval.id not in self._not_yet:
                raise ApprovalError(f"{approval.node} asks this no more: its task has ended.")
        if form is not None and not isinstance(form, Mapping):
            form = {"": form}  # the entry of a form for one value
        answer = checked_answer(approval, option, note, edit, by, self._clock(), form)
        if asked is not None and asked.form is not None and option != REJECT:
            asked.form.value(answer.form)  # entries that do not fit leave the question open
        answered = self._store.answer(approval.id, answer)
        self.receive(answered)
        return answered

    def receive(self, answered: Approval) -> None:
        """An answer is in the store, whoever gave it: let who waits for it go on."""
        with self._changed:
            self._known[answered.id] = answered
            asked = self._open.pop(answered.id, None)
            if asked is not None:
                self.arriving += 1
                self._go_on(asked.future, answered)

    async def use_given(self, approval: Approval) -> None:
        """Answer with what was given beforehand, where something was."""
        given = self._given.take(approval)
        if given is None:
            self._notices += self._given.missing(approval.node)
            return
        try:
            note, edit, form = given.get("note", ""), given.get("edit", {}), given.get("form", {})
            await asyncio.to_thread(self.answer, approval.id, given["answer"], note, edit, self._given.by, form)
        except (ApprovalError, StoreError) as error:
            self._notices.append(f"an answer given beforehand was not used: {error}")

    async def use_deadline(self, approval: Approval) -> None:
        """Answer with what the question's deadline means."""
        try:
            await asyncio.to_thread(self.answer, approval.id, approval.otherwise, "", {}, "deadline")
        except AlreadyAnswered:
            pass
        except (ApprovalError, StoreError) as error:
            self._notices.append(f"the deadline of {approval.node} has passed, and its answer was not kept: {error}")

    def close(self, why: str) -> None:
        """Take no more answers; `why` is the sentence for whoever still answers."""
        with self._changed:
            self._closed = why
            self.withdrawn = [*self._open, *self._not_yet]
            self._open.clear()

    def left_over(self, nodes: Container[str]) -> list[str]:
        """Sentences on answers given beforehand for `nodes` that were not asked for."""
        return self._given.left_over(nodes)

    def _find(self, name: str) -> Approval:
        asked = [asked.approval for asked in self._open.values() if name in (asked.approval.node, asked.approval.id)]
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
