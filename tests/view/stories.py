"""A graph and a run of it that the tests of the view tell."""

from __future__ import annotations

from dataclasses import replace

from nbgraph.core.approvals import Answer, Approval
from nbgraph.core.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    Failure,
    Printed,
    Status,
    StatusChanged,
    Taken,
    TaskFailed,
    TaskFinished,
    TaskStarted,
)
from nbgraph.core.outline import Outline, OutlineEdge, OutlineNode
from nbgraph.view.progress import Progress

HOSTILE = (
    "<b>hi</b>",
    "c:d",
    "</text><script>canary()</script>",
    "\"'`",
    "a & b &lt;",
    "\\N\\G\\",
    "x\x00\x1by",
    "{{ a }}",
)

ESSAY = Outline(
    "essay",
    (
        OutlineNode("START", "start", True),
        OutlineNode(
            "draft",
            "function",
            True,
            "draft(topic, [feedback]) -> text",
            'def draft(topic: str, feedback: str = ""):\n    """Write a first draft."""\n'
            '    return {"text": write(topic, feedback)}',
            "cell 3",
        ),
        OutlineNode("review", "function", True, "review(text) -> score, feedback"),
        OutlineNode("gate", "human", True),
        OutlineNode("publish", "function", False),
        OutlineNode("END", "end", True),
    ),
    (
        OutlineEdge("START", "draft", "plain", ""),
        OutlineEdge("draft", "review", "plain", ""),
        OutlineEdge("review", "draft", "if", "if score < 7 max 3"),
        OutlineEdge("review", "gate", "else", "else"),
        OutlineEdge("gate", "publish", "if", 'if gate == "approve"'),
        OutlineEdge("gate", "END", "else", "else"),
        OutlineEdge("publish", "END", "plain", ""),
    ),
    ("publish: an edge leads to it, and no cell declares it.",),
    1,
)

APPROVAL = Approval(
    id="a1",
    run_id="r1",
    node="gate",
    visit=1,
    question="## Publish this?\n\nAbout **{{ topic }}**, scored `{{ score }}`.",
    shown={"topic": "bees", "score": 8, "text": "Bees are small.\nThey fly."},
    options=("approve", "reject", "later"),
    editable={"text": "Bees are small.\nThey fly.", "score": 8, "tags": ["a", "b"], "urgent": False, "weight": 0.5},
    asked_at=1000.0,
)
ANSWERED = replace(APPROVAL, answer=Answer("approve", "fine", {"score": 9}, "a client of this kernel", 1100.0))

TO_REVIEW = Taken(1, "draft", "review", "")
AGAIN = Taken(2, "review", "draft", "score 6 < 7, 1 of 3")
TO_GATE = Taken(3, "review", "gate", "score 8, not < 7")

LOOP: tuple[Event, ...] = (
    StatusChanged(Status.RUNNING, 0.0),
    TaskStarted("draft", 1, 0.0),
    Printed("draft", 1, 0.1, "thinking about bees\n"),
    TaskFinished("draft", 1, 1.2, 1, {"text": "Bees."}, (TO_REVIEW,)),
    TaskStarted("review", 1, 1.2),
    TaskFinished("review", 1, 1.5, 2, {"score": 6, "feedback": "say more"}, (AGAIN,)),
    TaskStarted("draft", 2, 1.5),
)
TO_THE_GATE: tuple[Event, ...] = (
    *LOOP,
    TaskFinished("draft", 2, 3.0, 3, {"text": "Bees are small.\nThey fly.", "api_key": "sk-123"}, (TO_REVIEW,)),
    TaskStarted("review", 2, 3.0),
    TaskFinished("review", 2, 3.4, 4, {"score": 8, "feedback": ""}, (TO_GATE,)),
    TaskStarted("gate", 1, 3.4),
    ApprovalAsked(APPROVAL, 3.4),
    StatusChanged(Status.WAITING, 3.4, "gate asks a person"),
)
TO_THE_END: tuple[Event, ...] = (
    *TO_THE_GATE,
    ApprovalAnswered(ANSWERED, 1100.0),
    StatusChanged(Status.RUNNING, 1100.0),
    TaskFinished("gate", 1, 1100.1, 5, {"gate": "approve", "gate_note": "fine"}, (Taken(5, "gate", "END", "else"),)),
    StatusChanged(Status.DONE, 1100.1),
)
TO_A_FAILURE: tuple[Event, ...] = (
    *LOOP,
    TaskFailed("draft", 2, 2.0, Failure("ValueError", "no <b>bees</b>", "cell 3, line 3", ValueError("no bees"))),
    StatusChanged(
        Status.FAILED, 2.0, "draft failed: ValueError: no <b>bees</b> (cell 3, line 3). Fix the cell, then resume."
    ),
)


def folded(events: tuple[Event, ...]) -> Progress:
    progress = Progress(ESSAY)
    for event in events:
        progress.apply(event)
    return progress
