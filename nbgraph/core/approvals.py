"""Questions to a person and their answers, as records; and answers given beforehand for unattended runs."""

from __future__ import annotations

import copy
import os
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbgraph.core.fingerprints import fingerprint
from nbgraph.core.forms import Field
from nbgraph.errors import ApprovalError, InputError, brief, nearest

REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person, or somebody on their behalf, said.

    `by` is what we know of who answered ("a client of this kernel", "run.answer", "environment"), never a claim
    about a person's identity. `at` is seconds since the epoch. `form` is what was entered into a form, by field.
    """

    option: str
    note: str
    edit: Mapping[str, Any]
    by: str
    at: float
    form: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Approval:
    """One question to a person, with exactly what was shown, and the answer once there is one.

    `shown` maps keys to the values that stand in the question or beside it; `digest` is a fingerprint of question,
    options and shown values; `editable` maps keys to the values that may be changed in the answer; `form` says what is
    to be entered. `within` is the task that the subgraph of `node` runs in, or empty. At the `deadline`, seconds since
    the epoch, the option `otherwise` is the answer. Of a call of the tool `delete` by the agent `ops` the `node` is
    `ops.delete`, and the `asker` is `ops`.
    """

    id: str
    run_id: str
    node: str
    visit: int
    question: str
    shown: Mapping[str, Any]
    options: tuple[str, ...]
    editable: Mapping[str, Any]
    asked_at: float
    digest: str = ""
    answer: Answer | None = None
    form: tuple[Field, ...] = ()
    within: str = ""
    deadline: float | None = None
    otherwise: str = ""

    @property
    def asker(self) -> str:
        """The node whose task asks."""
        return self.node.partition(".")[0]


def digest(question: str, options: Sequence[str], shown: Mapping[str, Any]) -> str:
    """A fingerprint of what a person is shown, the same in every process: 16 hex digits of SHA-256."""
    return fingerprint(question, *options, *sorted((key, _whole(value)) for key, value in shown.items()))[:16]


def open_approval(
    place: tuple[str, str, str, int],
    question: str,
    shown: Mapping[str, Any],
    options: tuple[str, ...],
    editable: Mapping[str, Any],
    at: float,
    form: tuple[Field, ...] = (),
    within: str = "",
    deadline: float | None = None,
    otherwise: str = "",
) -> Approval:
    """A question that is asked at `place` (its id, run, node and visit), with copies of what is shown.

    What was shown must not change when the state does.
    """
    shown, editable = _copies(shown), _copies(editable)
    seen = digest(question, options, {**shown, "": form} if form else shown)
    return Approval(*place, question, shown, options, editable, at, seen, None, form, within, deadline, otherwise)


def _copies(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copy(value) for key, value in values.items()}


def _copy(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # a client or a lock, of which there is just the one
        return value


def _whole(value: Any) -> str:
    """A text that tells the value from others; of what has no fingerprint, what it says of itself."""
    try:
        return fingerprint(value)
    except Exception:
        return brief(value, 10_000)


def checked_answer(
    approval: Approval,
    option: str,
    note: str,
    edit: Mapping[str, Any],
    by: str,
    at: float,
    form: Mapping[str, Any] | None = None,
) -> Answer:
    """The answer to `approval`, or ApprovalError where it does not fit the question.

    An edit or a form counts with every option but `reject`; an edit keeps the type of the value that it replaces.
    Whether the entries of a form fit their type is for the form itself.
    """
    if option not in approval.options:
        known = ", ".join(approval.options)
        raise ApprovalError(
            f"{approval.node} has no option {brief(option)}{nearest(option, approval.options) or '.'} It has {known}."
        )
    if not isinstance(note, str):
        raise ApprovalError(f"a note is a text, not {brief(note)}.")
    for key, value in edit.items():
        _check_edit(approval, key, value)
    if option == REJECT:
        return Answer(option, note, {}, by, at)
    return Answer(option, note, dict(edit), by, at, _entered(approval, form or {}))


def _entered(approval: Approval, form: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a form, with the defaults of what was left out."""
    known = {field.name: field for field in approval.form}
    for name in form:
        if name not in known:
            raise ApprovalError(
                f"{approval.node} asks for no entry {brief(name)}{nearest(name, known) or '.'} "
                f"It asks for {', '.join(known) or 'none'}."
            )
    missing = [field.name or field.type for field in approval.form if field.required and field.name not in form]
    if missing:
        raise ApprovalError(f"{approval.node} asks for {', '.join(missing)}, which was not given.")
    return {name: form.get(name, field.default) for name, field in known.items()}


def _check_edit(approval: Approval, key: str, value: Any) -> None:
    if key not in approval.editable:
        known = ", ".join(approval.editable) or "none"
        raise ApprovalError(f"{approval.node} does not let {key!r} be edited. Keys that can be: {known}.")
    before = approval.editable[key]
    whole = isinstance(value, int) and not isinstance(value, bool)
    if before is None or (isinstance(before, float) and whole):
        return
    if isinstance(value, type(before)) and isinstance(value, bool) == isinstance(before, bool):
        return
    raise ApprovalError(
        f"{approval.node}: {key!r} is {type(before).__name__}, the edit is {type(value).__name__} {brief(value)}; "
        f"give a {type(before).__name__}."
    )


@dataclass(slots=True)
class Answers:
    """Answers given before they are asked for: a list for each human node, used in order.

    `by` is recorded with each answer. Those of the `environment` speak for all graphs of a program, so only what
    concerns the run itself is told of them. An entry is
    `{"answer": option, "note": text, "edit": {key: value}, "form": {name: value}}`. It may hold the `digest` of what
    was shown, and on a mismatch the question stays open and the entry unused.
    """

    by: str
    entries: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    environment: bool = False

    def take(self, approval: Approval) -> Mapping[str, Any] | None:
        """The next answer to `approval`, or None where none was given or its digest is for something else."""
        waiting = self.entries.get(approval.node)
        if not waiting or waiting[0].get("digest", approval.digest) != approval.digest:
            return None
        return waiting.pop(0)

    def unknown(self, nodes: Iterable[str]) -> list[str]:
        """A sentence for each entry whose node is not in the graph."""
        known = list(nodes)
        if self.environment:
            return []
        return [
            f"an answer is given for {name!r}, and no node has that name{nearest(name, known) or '.'}"
            for name in self.entries
            if name not in known
        ]

    def left_over(self, nodes: Container[str]) -> list[str]:
        """A sentence for each of the graph's nodes with answers that were not used."""
        return [
            f"{len(left)} of the answers given for {name!r} not used"
            for name, left in self.entries.items()
            if left and (name in nodes or not self.environment)
        ]

    def missing(self, node: str) -> list[str]:
        """A sentence where the environment gives answers, and none of them for `node`, which asks."""
        if not self.environment or node in self.entries:  # of others the unknown names are told at the start
            return []
        return [f"no answer is given for {node!r}{nearest(node, self.entries) or '.'}"]


def given_answers(answers: Mapping[str, Any] | str | os.PathLike[str] | None) -> Answers:
    """Answers from a mapping, from a JSON file, or from the file that NBGRAPH_ANSWERS names.

    Raises:
        InputError: the file cannot be read, or an entry is not `{"answer": option, ...}`.
    """
    if answers is None:
        path = os.environ.get("NBGRAPH_ANSWERS")
        return Answers("environment", _entries(_read(path), path), environment=True) if path else Answers("nobody")
    if isinstance(answers, Mapping):
        return Answers("answers given to the run", _entries(answers, "answers="))
    return Answers("environment", _entries(_read(answers), answers))


def _read(path: str | os.PathLike[str]) -> Any:
    import json

    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise InputError(f"the answers file {os.fspath(path)!r} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise InputError(f"the answers file {os.fspath(path)!r} is not JSON: {error}.") from None


def _entries(raw: Any, where: object) -> dict[str, list[Mapping[str, Any]]]:
    shape = 'it must look like {"gate": [{"answer": "approve", "note": "", "edit": {}}]}'
    if not isinstance(raw, Mapping):
        raise InputError(f"{where}: the answers are a {type(raw).__name__}; {shape}.")
    return {name: [_entry(name, entry, where, shape) for entry in _listed(given)] for name, given in raw.items()}


def _fits(entry: Mapping[str, Any]) -> bool:
    texts = (entry.get("answer"), entry.get("note", ""), entry.get("digest", ""))
    return all(isinstance(text, str) for text in texts) and isinstance(entry.get("edit", {}), Mapping)


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _entry(name: str, entry: Any, where: object, shape: str) -> Mapping[str, Any]:
    if isinstance(entry, str):
        return {"answer": entry}
    if not isinstance(entry, Mapping) or not _fits(entry):
        raise InputError(f"{where}: an answer for {name!r} is {brief(entry)}; {shape}.")
    unknown = sorted(set(entry) - {"answer", "note", "edit", "form", "digest"})
    if unknown:
        raise InputError(f"{where}: an answer for {name!r} holds {unknown[0]!r}, which is not known; {shape}.")
    return entry
