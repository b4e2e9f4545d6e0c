"""Questions as plain text, for where there is no button: what is asked, and what to type."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nbgraph.core.approvals import Approval
from nbgraph.view.clusters import task_name
from nbgraph.view.times import until
from nbgraph.view.values import secret, short, shorten

QUESTION = 300
_EMPHASIS = re.compile(r"\*\*|__|`|^#+ ", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")


def question(approval: Approval) -> str:
    """What is asked on one line, such as `gate asks: Publish All about bees?`."""
    filled = _PLACEHOLDER.sub(lambda found: _value(approval, found[1]), _EMPHASIS.sub("", approval.question))
    who = task_name(approval.node, approval.visit, approval.within)
    return f"{who} asks: {shorten(filled, QUESTION)}"


def how_to_answer(approval: Approval, others: Iterable[Approval] = ()) -> str:
    """What to type, such as `run.answer("gate", "approve")  or "reject"`.

    Args:
        others: what is asked beside it: where one of them has the same node, the approval is named by its id.
    """
    alone = all(other.node != approval.node for other in others if other.id != approval.id)
    first, *rest = (f'"{option}"' for option in approval.options)
    form = [", form=..."] if approval.form else []
    call = f'run.answer("{approval.node if alone else approval.id}", {first}{"".join(form)})'
    more = [f"  or {', '.join(rest)}" if rest else ""]
    more += [f"; edit={{...}} may change {', '.join(approval.editable)}" if approval.editable else ""]
    more += [f"; {until(approval)}" if approval.deadline is not None else ""]
    return shorten(f"{call}{''.join(more)}", QUESTION)


def _value(approval: Approval, key: str) -> str:
    value = approval.shown.get(key, "")
    return value if isinstance(value, str) and not secret(key) else short(key, value)
