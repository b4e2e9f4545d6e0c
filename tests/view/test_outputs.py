"""What each task printed and emitted."""

from __future__ import annotations

from nbgraph.core.events import Emitted, Failure, Printed, TaskRetried
from nbgraph.view.outputs import TAIL, TASKS, Outputs


def test_each_visit_has_its_own_output() -> None:
    outputs = Outputs()
    outputs.hear(Printed("draft", 1, 0.0, "one"))
    outputs.hear(Printed("draft", 2, 0.0, "two\n"))
    outputs.hear(Printed("draft", 1, 0.0, " and more\n", "research"))
    assert outputs.of("", "draft", 1) == "one"
    assert outputs.of("", "draft", 2) == "two\n"
    assert outputs.of("research", "draft", 1) == " and more\n"
    assert outputs.of("", "draft", 3) == ""


def test_what_was_emitted_stands_on_a_line_of_its_own_with_secrets_masked() -> None:
    outputs = Outputs()
    outputs.hear(Printed("draft", 1, 0.0, "half a line"))
    outputs.hear(Emitted("draft", 1, 0.0, {"done": 3, "password": "s3cr3t"}))
    assert outputs.of("", "draft", 1) == "half a line\nemitted {'done': 3, 'password': •••}\n"


def test_only_the_end_of_much_output_is_kept_and_only_of_the_last_tasks() -> None:
    outputs = Outputs()
    outputs.hear(Printed("loud", 1, 0.0, "x" * TAIL * 3))
    assert len(outputs.of("", "loud", 1)) == TAIL
    for visit in range(TASKS):
        outputs.hear(Printed("draft", visit, 0.0, "y"))
    assert outputs.of("", "loud", 1) == ""
    assert outputs.of("", "draft", TASKS - 1) == "y"


def test_an_attempt_that_failed_is_a_line_of_the_output() -> None:
    outputs = Outputs()
    failure = Failure("TimeoutError", "no answer", "", TimeoutError())
    outputs.hear(TaskRetried("fetch", 1, 0.0, 1, failure, 1.0))
    outputs.hear(TaskRetried("fetch", 1, 0.0, 2, failure, 1.0, 3, "", "model1"))
    told = "attempt 1 failed: TimeoutError: no answer\nitem 3: model1 attempt 2 failed: TimeoutError: no answer\n"
    assert outputs.of("", "fetch", 1) == told
