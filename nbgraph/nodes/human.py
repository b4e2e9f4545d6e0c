"""Human nodes: a question to a person, whose answer is the node's update."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from nbgraph.core.approvals import REJECT
from nbgraph.core.context import Context, Question
from nbgraph.core.edges import check_name
from nbgraph.core.forms import Form
from nbgraph.core.graph import Node, declared_in
from nbgraph.core.signature import Read, Writes
from nbgraph.errors import DeclarationError

PLACEHOLDER = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")


class HumanBody:
    """Asks, waits for the answer, and returns it with the edited keys."""

    blocking = False

    def __init__(
        self, name: str, question: str, options: tuple[str, ...], edit: tuple[str, ...], form: Form | None
    ) -> None:
        self.name, self.question, self.options, self.edit, self.form = name, question, options, edit, form

    async def __call__(self, arguments: dict[str, Any], context: Context) -> dict[str, Any]:
        editable = {key: arguments[key] for key in self.edit}
        answer = await context.person(Question(self.question, arguments, self.options, editable, self.form))
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
) -> Node:
    """The node `name` that asks `question`, Markdown with `{{ key }}` for values.

    It writes the chosen option to the key `name`, the person's note to `name_note`, and the edited keys, unless the
    option is reject.

    Args:
        show: keys whose values stand beside the question.
        options: one button each.
        edit: keys that the person may change.
        form: what the person enters; its value goes to the key `name_form`; None where the option is reject.

    Raises:
        DeclarationError: the question is empty, an option is given twice, or a name is reserved.
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
        body=HumanBody(name, question, options, edit, form),
        reads=tuple(Read(key, True) for key in keys),
        writes=Writes((name, f"{name}_note", *([f"{name}_form"] if form else []), *edit), True, {name: options}),
        code=question,
        source=declared_in.get(),
    )


def _keys(names: Iterable[str]) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else names
    return tuple(dict.fromkeys(check_name(name, "key") for name in names))
