"""Open questions as a table of short texts, for a saved notebook and a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nbgraph.core.approvals import Approval
from nbgraph.view.times import clock, until
from nbgraph.view.values import plain, shorten

HEADS = ("run", "asked by", "question", "options", "asked", "deadline")
QUESTION = 80


def text(questions: Sequence[Approval]) -> str:
    """The questions as text, a line each."""
    return "\n".join([headline(questions), *(f"  {_line(asked)}" for asked in questions)])


def html(questions: Sequence[Approval]) -> str:
    """The questions as HTML that stays right when it is sanitised: a table without styles."""
    top = "".join(f"<th>{_left(head)}</th>" for head in HEADS)
    body = "".join(
        f"<tr>{''.join(f'<td>{_left(escape(plain(cell)))}</td>' for cell in _cells(asked))}</tr>" for asked in questions
    )
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>" if body else ""
    return f'<div class="nbgraph-record"><p><strong>{escape(headline(questions))}</strong></p>{table}</div>'


def headline(questions: Sequence[Approval]) -> str:
    """Such as "2 open questions"."""
    count = len(questions)
    return f"{count or 'no'} open question{'s' * (count != 1)}"


def _cells(asked: Approval) -> tuple[str, ...]:
    question = shorten(" ".join(asked.question.split()), QUESTION)
    return asked.run_id, asked.node, question, ", ".join(asked.options), clock(asked.asked_at), until(asked)


def _line(asked: Approval) -> str:
    run, node, question, options, at, deadline = _cells(asked)
    return f"{run}, {node}: {question} ({options}), asked {at}" + (f", {deadline}" if deadline else "")


def _left(cell: str) -> str:
    # JupyterLab aligns cells to the right, and its sanitiser leaves this attribute where it removes styles
    return f'<div align="left">{cell}</div>'
