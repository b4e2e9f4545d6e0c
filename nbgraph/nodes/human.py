"""Human nodes: a question to a person, whose answer is the node's update."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from nbgraph.core.approvals import REJECT
from nbgraph.core.context import Context, Question
from nbgraph.core.deadlines import describe, read_deadline
from nbgraph.core.edges import check_name
from nbgraph.core.forms import Form
from nbgraph.core.graph import Node, declared_in
from nbgraph.core.signature import Read, Writes
from nbgraph.errors import DeclarationError

PLACEHOLDER = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")


class HumanBody:
    """Asks, waits for the answer, and returns it with the edited keys.

    Where nobody answers within `timeout` seconds, the option `otherwise` is the answer.
    """

    blocking = False

    def __init__(
        self,
        name: str,
        question: str,
        options: tuple[str, ...],
        edit: tuple[str, ...],
        form: Form | None,
        timeout: float | None = None,
        otherwise: str = "",
    ) -> None:
        self.name, self.question, self.options, self.edit, self.form = name, question, options, edit, form
        self.timeout, self.otherwise = timeout, otherwise

    @property
    def marks(self) -> tuple[str, ...]:
        """What a picture says of it, a few words each."""
        return () if self.timeout is None else (describe(self.timeout, self.otherwise),)

    async def __call__(self, arguments: dict[str, Any], context: Context) -> dict[str, Any]:
        editable = {key: arguments[key] for key in self.edit}
        asked = Question(self.question, arguments, self.options, editable, self.form, self.timeout, self.otherwise)
        answer = await context.person(asked)
        update = {**answer.edit, self.name: answer.option, f"{self.name}_note": answer.note}
        if self.form is not None:
            update[f"{self.name}_form"] = None if answer.option == REJECT else self.form.value(answer.form)
        return update


def human_node(
    name: str,
    question: str,
    *,
    show: Iterable[str] = (),
    options: Iterable[str] = ("approve", "reject"),
    edit: Iterable[str] = (),
    form: Form | None = None,
    timeout: str | None = None,
) -> Node:
    """The node `name` that asks `question`, Markdown with `{{ key }}` for values.

    It writes the chosen option to the key `name`, the person's note to `name_note`, and the edited keys, unless the
    option is reject.

    Args:
        show: keys whose values stand beside the question.
        options: one button each.
        edit: keys that the person may change.
        form: what the person enters; its value goes to the key `name_form`; None where the option is reject.
        timeout: how long it waits and which option is the answer then, as `24h=reject`; it waits for ever by default.

    Raises:
        DeclarationError: the question is empty, an option is given twice, a name is reserved, or the timeout makes no
            sense.
    """
    name, options = check_name(name, "node"), (options,) if isinstance(options, str) else tuple(options)
    show, edit = _keys(show), _keys(edit)
    if not question.strip():
        raise DeclarationError(f"{name} asks nothing; write the question as Markdown below %%human {name}.")
    if "{{" in PLACEHOLDER.sub("", question):
        raise DeclarationError(
            f"{name} has a placeholder that is no key; write {{{{ topic }}}} with the name of one key."
        )
    if not options or len(set(options)) != len(options) or not all(option.strip() for option in options):
        raise DeclarationError(f"{name} needs different options with names, not {', '.join(map(repr, options))}.")
    keys = dict.fromkeys((*_keys(PLACEHOLDER.findall(question)), *show, *edit))
    own = {name, f"{name}_note", f"{name}_form"} & set(edit)
    if own:
        raise DeclarationError(f"{name} writes {own.pop()} itself, the answer; it cannot be edited too.")
    return Node(
        name=name,
        kind="human",
        body=HumanBody(name, question, options, edit, form, *_deadline(name, timeout, options, form)),
        reads=tuple(Read(key, True) for key in keys),
        writes=Writes((name, f"{name}_note", *([f"{name}_form"] if form else []), *edit), True, {name: options}),
        code=question,
        source=declared_in.get(),
    )


def _deadline(name: str, timeout: str | None, options: tuple[str, ...], form: Form | None) -> tuple[float | None, str]:
    if timeout is None:
        return None, ""
    try:
        seconds, option = read_deadline(timeout, options)
    except DeclarationError as error:
        raise DeclarationError(f"{name}: {error}") from None
    needed = [field.name or "an entry" for field in form.fields if field.required] if form else []
    if needed and option != REJECT:
        raise DeclarationError(
            f"{name} asks for {', '.join(needed)}, which nobody has entered at the deadline; let it mean {REJECT}."
        )
    return seconds, option


def _keys(names: Iterable[str]) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else names
    return tuple(dict.fromkeys(check_name(name, "key") for name in names))
