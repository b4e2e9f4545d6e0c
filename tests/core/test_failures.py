"""Failures: how a node's error is told to the person who wrote the node."""

from __future__ import annotations

import asyncio
import linecache
import traceback
from typing import Any

import pytest

from nbgraph.core.events import Failure, Status
from nbgraph.core.failures import failure_of
from nbgraph.core.graph import Source, declared_in
from nbgraph.core.run import Run
from nbgraph.errors import MissingKey
from nbgraph.library import Graph

CELL = """\
def helper():
    raise ValueError("from the helper")

def n():
    helper()
"""


def from_cell(source: str, file: str = "<cell 3>") -> Any:
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    space: dict[str, Any] = {}
    exec(compile(source, file, "exec"), space)
    return space["n"]


def failed(function: Any, **inputs: Any) -> Run:
    made = Graph("g")
    token = declared_in.set(Source("c", "cell [3]", 3))
    made.node(function, name="n")
    declared_in.reset(token)
    made.edges("START -> n -> END")
    run = made.run(**inputs).wait(60)
    assert run.status is Status.FAILED
    return run


def failure(run: Run) -> Failure:
    (found,) = run._engine.failures
    return found


def error_of(run: Run) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        run.result()
    return caught.value


def test_a_failure_holds_type_message_place_and_the_error_itself() -> None:
    found = failure(failed(from_cell(CELL)))
    assert (found.type, found.message, found.where) == ("ValueError", "from the helper", "cell [3], line 2")
    assert isinstance(found.error, ValueError)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_the_traceback_holds_the_persons_own_frames_only(kind: str) -> None:
    error = failure(failed(from_cell(CELL.replace("def n", f"{kind} n")))).error
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)] == ["n", "helper"]


def test_an_error_without_a_message_is_told_by_its_type() -> None:
    assert failure(failed(from_cell("def n():\n    raise KeyError\n"))).message == "KeyError"


def test_an_error_of_a_library_is_placed_at_the_line_of_the_cell_that_called_it() -> None:
    found = failure(failed(from_cell("import json\n\ndef n():\n    json.loads('{')\n")))
    assert found.where == "cell [3], line 4"


def test_a_missing_key_is_placed_at_the_nodes_cell() -> None:
    made = Graph("g")
    token = declared_in.set(Source("c", "cell [3]", 3))
    made.node(from_cell("def n(late):\n    pass\n"), name="n")
    declared_in.reset(token)
    made.node(lambda: dict(), name="first")  # noqa: C408
    made.edges("START -> first -> n -> END")
    run = made.run().wait(60)
    assert isinstance(failure(run).error, MissingKey)
    assert failure(run).where == "cell [3]"


def test_an_error_without_frames_of_the_node_is_placed_where_it_came_from() -> None:
    def helper() -> None:
        raise ValueError("no")

    try:
        helper()
    except ValueError as error:
        found = failure_of(error, Graph("g").declare(from_cell("def n(): pass"), name="n")[0])
    assert found.where.startswith(__file__)


def test_a_choice_of_start_is_placed_at_start() -> None:
    assert failure_of(ValueError("no"), None).where == "START"


def test_an_object_of_another_loop_is_explained() -> None:
    lock = asyncio.Lock()

    async def contend() -> None:
        await lock.acquire()
        waiting = asyncio.ensure_future(lock.acquire())
        await asyncio.sleep(0)
        waiting.cancel()

    async def n() -> None:
        await asyncio.wait_for(lock.acquire(), 1)

    asyncio.run(contend())
    found = failure(failed(n))
    assert "n used an object, such as a client or a lock, that was made in a cell" in found.message
    assert "make it inside the node" in found.message


def test_the_result_raises_the_error_again_and_again() -> None:
    run = failed(from_cell(CELL))
    assert error_of(run) is error_of(run)


def test_notes_and_causes_of_an_error_are_kept() -> None:
    error = error_of(
        failed(
            from_cell(
                "def n():\n    try:\n        1 / 0\n    except Exception as e:\n        raise KeyError('k') from e\n"
            )
        )
    )
    assert isinstance(error.__cause__, ZeroDivisionError)
