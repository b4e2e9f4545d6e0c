"""The magics in a real ipykernel: its names for cells, its cell ids, its replies; and under nbclient, without ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

pytestmark = pytest.mark.slow

RAISES = '''%%node --writes text
def draft(topic: str):
    """Raises on the fifth line of its cell."""
    words = topic.split()
    raise ValueError(words)'''


@dataclass
class Reply:
    """What a front end gets of one cell."""

    status: str
    printed: str = ""
    errors: list[dict[str, Any]] = field(default_factory=list)


class Kernel:
    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client

    def execute(self, code: str, id: str | None = None) -> Reply:
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": id} if id else {})
        self.client.shell_channel.send(message)
        reply = Reply(self.client.get_shell_msg(timeout=30)["content"]["status"])
        while (told := self.client.get_iopub_msg(timeout=30)) and not _is_idle(told, message):
            if told["msg_type"] == "stream":
                reply.printed += told["content"]["text"]
            if told["msg_type"] == "error":
                reply.errors.append(told["content"])
        return reply

    def run(self, code: str, id: str | None = None) -> str:
        reply = self.execute(code, id)
        assert reply.status == "ok", reply
        return reply.printed.strip()


def _is_idle(told: dict[str, Any], message: dict[str, Any]) -> bool:
    ours = told["parent_header"].get("msg_id") == message["header"]["msg_id"]
    return ours and told["msg_type"] == "status" and told["content"]["execution_state"] == "idle"


@pytest.fixture(scope="module")
def started() -> Iterator[Kernel]:
    manager, client = start_new_kernel(kernel_name="python3")
    yield Kernel(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(started: Kernel) -> Kernel:
    started.run("%reset -f\n%reload_ext nbgraph")
    started.run("%graph new essay")
    return started


def test_source_and_line_are_true_in_a_kernel(kernel: Kernel) -> None:
    kernel.run(RAISES)
    kernel.run("%edge START -> draft -> END")
    reply = kernel.execute("essay.run(topic='two bees').result()")
    shown = "\n".join(reply.errors[0]["traceback"])
    assert (reply.status, reply.errors[0]["ename"]) == ("error", "ValueError")
    assert "line 5" in shown.replace("\x1b[32m", "").replace("\x1b[39m", "")
    source = kernel.run("import inspect; print(inspect.getsourcelines(draft)[1], inspect.getsource(draft))")
    assert source == "2 " + RAISES.partition("\n")[2]


def test_the_code_has_the_name_that_the_debugger_knows(kernel: Kernel) -> None:
    kernel.run(RAISES)
    known = kernel.run(f"from ipykernel.compiler import get_file_name\nprint(get_file_name({RAISES!r}))")
    assert kernel.run("print(draft.__code__.co_filename)") == known


def test_a_mistake_is_an_error_of_one_sentence(kernel: Kernel) -> None:
    reply = kernel.execute("%%node --wrties text\ndef draft(topic): ...")
    sentence = "TextError: line 1: %%node has no option '--wrties'; did you mean '--writes'?"
    assert reply.status == "error"
    assert [line.splitlines()[0] for line in reply.errors[0]["traceback"]] == [sentence]


@pytest.mark.parametrize("cell", ["%node\nx = 1", "# why\n%%node\ndef a(): ...", "%%node", "%edge a -> b if ok?"])
def test_what_is_noticed_before_or_after_the_cell_is_an_error_too(kernel: Kernel, cell: str) -> None:
    reply = kernel.execute(cell)
    assert reply.status == "error"
    assert len(reply.errors) == 1
    assert len(reply.errors[0]["traceback"]) == 1


def test_a_cell_id_makes_a_rename(kernel: Kernel) -> None:
    kernel.run("%%node\ndef draft(topic): ...", "c1")
    printed = kernel.run("%%node\ndef writer(topic): ...", "c1")
    assert printed.splitlines() == ["writer(topic)", "renamed draft to writer"]


def test_a_cell_with_await_keeps_its_identity(kernel: Kernel) -> None:
    cell = "import asyncio\nawait asyncio.sleep(0)\n@essay.node\ndef {}(topic): ..."
    kernel.run(cell.format("draft"), "c1")
    assert kernel.run(cell.format("writer"), "c1") == "renamed draft to writer"
    assert kernel.run("print(list(essay.nodes))", "c2") == "['writer']"


def test_the_cell_that_loads_the_extension_has_its_id(kernel: Kernel) -> None:
    kernel.run("%unload_ext nbgraph", "c0")
    kernel.run("%load_ext nbgraph\n%graph use essay\n%node\ndef draft(topic): ...", "c1")
    assert kernel.run("pass", "c1") == "draft is no longer declared"


def test_tab_completes_in_the_middle_of_a_cell(kernel: Kernel) -> None:
    kernel.run("%edge START -> draft -> END")
    cell = "%%edges\nSTART -> dra\n# more"
    reply = kernel.client.complete(cell, cell.index("dra") + 3, reply=True, timeout=30)["content"]
    assert (reply["matches"], reply["cursor_start"], reply["cursor_end"]) == (["draft"], 17, 20)


@pytest.mark.parametrize(
    ("cell", "matches", "start"),
    [
        ("%%node --retry-o", ["--retry-on"], 7),
        ("%%node --retry-on Timeout", ["TimeoutError"], 18),
        ("%%node --retry-on OSError,Val", ["ValueError"], 26),
        ("%%node --join=a", ["all", "any"], 14),
        ("%%human gate --form fl", ["float"], 20),
        ("%%edges\ndraft -> critique on", ["on error"], 26),
    ],
)
def test_tab_replaces_just_what_it_completes(kernel: Kernel, cell: str, matches: list[str], start: int) -> None:
    reply = kernel.client.complete(cell, len(cell), reply=True, timeout=30)["content"]
    assert (sorted(reply["matches"]), reply["cursor_start"], reply["cursor_end"]) == (matches, start, len(cell))


def declare_essay(kernel: Kernel) -> None:
    kernel.run("%%node\ndef draft(topic: str, tone: str = 'dry'):\n    return {'text': topic + tone}")
    kernel.run("%edge START -> draft -> END")


def inspected(kernel: Kernel, code: str) -> str:
    """What Shift-Tab shows at the end of `code`."""
    shown = kernel.client.inspect(code, reply=True, timeout=30)["content"]["data"]["text/plain"]
    return re.sub(r"\x1b\[[\d;]*m", "", shown)


@pytest.mark.parametrize("code", ["essay.run", "essay.run(", "run = essay.run(topic='bees', "])
def test_inspecting_run_shows_the_inputs_of_the_graph(kernel: Kernel, code: str) -> None:
    declare_essay(kernel)
    shown = inspected(kernel, code)
    assert re.search(r"Signature: +essay\.run\(\*, topic: str, tone: str = 'dry'\)", shown)
    assert re.search("topic: str, required", shown)
    assert re.search("tone: str, 'dry' by default", shown)


def test_a_question_mark_behind_run_shows_the_inputs_of_the_graph(kernel: Kernel) -> None:
    declare_essay(kernel)
    content = kernel.client.execute("essay.run?", reply=True, timeout=30)["content"]
    shown = re.sub(r"\x1b\[[\d;]*m", "", content["payload"][0]["data"]["text/plain"])
    assert re.search(r"essay\.run\(\*, topic: str, tone: str = 'dry'\)", shown)
    assert "topic: str, required" in shown


@pytest.mark.parametrize(
    ("code", "inputs"),
    [
        ("essay.run(", {"topic=", "tone="}),
        ("x = 1\nrun = essay.run(to", {"topic=", "tone="}),
        ("essay.run(topic=1, ", {"tone="}),
    ],
)
def test_tab_offers_the_inputs_of_the_graph_as_keywords(kernel: Kernel, code: str, inputs: set[str]) -> None:
    declare_essay(kernel)
    matches = kernel.client.complete(code, len(code), reply=True, timeout=30)["content"]["matches"]
    assert {match for match in matches if match.endswith("=")} == inputs


def run_all(*cells: str) -> list[str]:
    """Executes cells as nbclient does; gives what each printed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    printed = [[output.text for output in cell.outputs if output.output_type == "stream"] for cell in notebook.cells]
    return ["".join(texts).strip() for texts in printed]


def test_nbclient_runs_a_notebook_without_cell_ids() -> None:
    printed = run_all(
        "%load_ext nbgraph\n%graph new essay",
        "%%node\ndef draft(topic): ...",
        "%%node\ndef draft(topic):\n    return {'text': topic}",
        "%edge START -> draft -> END",
        "print(essay.run(topic='bees').result()['text'])",
    )
    assert printed[1:] == ["draft(topic)", "draft(topic) -> text", "START -> draft\ndraft -> END", "bees"]


def test_nbclient_says_which_statements_a_later_cell_replaces() -> None:
    printed = run_all(
        "%load_ext nbgraph\n%graph new essay",
        "%edge START -> draft; draft -> END if text; draft -> draft else",
        "%edge draft -> END",
    )
    assert printed[-1] == "replaced 2 statements of an earlier cell\ndraft -> END"


def test_nbclient_stops_at_a_bad_declaration() -> None:
    with pytest.raises(CellExecutionError) as caught:
        run_all("%load_ext nbgraph\n%graph new essay", "%node\nx = 1", "print('never')")
    assert "this cell holds no def" in str(caught.value)
    assert "nbgraph/" not in str(caught.value)
