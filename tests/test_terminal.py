"""A run watched in a terminal, in a log, and interrupted."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nbgraph import Graph, RunError
from nbgraph.terminal import watch
from tests.terminal_screen import in_terminal, screen

HOSTILE = "[bold red]x[/] \\x1b[2J\\x1b]0;title\\x07 :smile:"
ESSAY = f"""
import sys, time
from nbgraph import Graph
from nbgraph.terminal import watch
assert "rich" not in sys.modules
essay = Graph("essay")
@essay.node
def draft(topic, round: int = 0):
    time.sleep(0.2)
    print("drafting", topic)
    return {{"text": f"All about {{topic}}.", "round": round + 1}}
@essay.node
def split():
    return {{"parts": list(range(12))}}
@essay.node(parallel=4)
def work(part):
    time.sleep(0.1)
essay.human("gate", "Shall **{{{{ text }}}}** be published?", edit=["text"])
@essay.node
def publish(text):
    raise ValueError("{HOSTILE}")
essay.edges('''
START -> draft
draft -> draft if round < 2 max 3
draft -> split else
split -> work each parts as part
work -> gate
gate -> publish if gate == "approve"
gate -> END else
publish -> END
''')
run = watch(essay.run(topic="bees"))
"""
ANSWERED = ESSAY + 'run.answer("gate", "approve")\nwatch(run)\nprint("then", run.status)\n'


def without_times(text: str) -> str:
    return re.sub(r"\d+:\d\d|\d+\.\d s", "TIME", text)


@pytest.mark.slow
def test_a_terminal_shows_the_nodes_the_question_and_what_to_type(tmp_path: Path) -> None:
    written = in_terminal(ESSAY, tmp_path)
    shown = [without_times(line) for line in screen(written)]
    assert shown[:2] == ["drafting bees", "drafting bees"]  # above the picture, which stands below
    assert [re.sub(" +", " ", line) for line in shown[2:]] == [
        "essay ? waiting TIME · 4 steps waits for a person at gate",
        "✓ draft 2 visits TIME",
        "✓ split TIME",
        "✓ work 12 items TIME",
        "? gate TIME",
        "· publish",
        "? gate asks: Shall All about bees. be published?",
        ' run.answer("gate", "approve") or "reject"; edit={...} may change text',
        "",
    ]
    assert "▶" in written  # it was seen to run
    assert re.search(r"\d/12 items", written)
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") > 0  # the cursor is there again


@pytest.mark.slow
def test_a_failure_is_told_with_its_line_and_hostile_text_stays_text(tmp_path: Path) -> None:
    written = in_terminal(ANSWERED, tmp_path)
    shown = "\n".join(screen(written))
    assert "publish failed: ValueError: [bold red]x[/]" in shown
    assert "script.py, line 21)" in shown
    assert "run.resume() goes on when that is mended" in shown
    assert screen(written)[-2] == "then failed"
    assert "\x1b[2J" not in written
    assert "\x1b]0;" not in written
    assert ":smile:" in written


@pytest.mark.slow
def test_a_graph_that_is_higher_than_the_terminal_shows_where_something_is_the_matter(tmp_path: Path) -> None:
    nodes = "\n".join(f"g.node(name='n{number}')(lambda: None)" for number in range(60))
    chain = " -> ".join(["START", *(f"n{number}" for number in range(50)), "ask"])
    rest = " -> ".join(["ask", *(f"n{number}" for number in range(50, 60)), "END"])
    script = "from nbgraph import Graph\nfrom nbgraph.terminal import watch\ng = Graph('g')\n"
    script += f"{nodes}\ng.human('ask', 'Go on?')\ng.edges('{chain}\\n{rest}')\nwatch(g.run())\n"
    shown = screen(in_terminal(script, tmp_path, (20, 80)))
    assert len(shown) <= 20
    assert "… 50 more: 40 done, 10 not reached" in shown
    assert any(line.startswith("?  ask") for line in shown)


@pytest.mark.slow
def test_ctrl_c_ends_the_program_and_leaves_a_whole_terminal(tmp_path: Path) -> None:
    script = ESSAY.replace("time.sleep(0.2)", "time.sleep(3)")
    written = in_terminal(script, tmp_path, interrupt=lambda text: "▶" in text)
    assert "KeyboardInterrupt" in written
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") > 0


@pytest.mark.slow
def test_without_a_terminal_there_is_a_line_for_each_step_and_rich_is_not_imported(tmp_path: Path) -> None:
    script = ANSWERED.replace('print("drafting", topic)', "") + "assert 'rich' not in sys.modules\n"
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "script.py")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    told = [without_times(line) for line in lines if "/12 items" not in line]
    assert told[:2] == [
        "1. draft: text = 'All about bees.', round = 1 -> draft (round 1 < 2, 1 of 3)",
        "2. draft #2: text = 'All about bees.', round = 2 -> split (else)",
    ]
    assert told[4:7] == [
        "gate asks: Shall All about bees. be published?",
        '  run.answer("gate", "approve") or "reject"; edit={...} may change text',
        "essay: waiting, 4 steps; waits for a person at gate · TIME",
    ]
    assert told[7:10] == [  # watched again, it goes on where it was
        "gate was answered 'approve' by run.answer",
        "5. gate: gate = 'approve', gate_note = '' -> publish (gate 'approve' == 'approve')",
        "essay: goes on",
    ]
    assert told[-1] == "then failed"


@pytest.mark.slow
def test_a_batch_has_a_bar_and_the_rows_that_need_somebody(tmp_path: Path) -> None:
    script = """
import time
from nbgraph import Graph
from nbgraph.terminal import watch
essay = Graph("essay")
@essay.node
def draft(topic):
    time.sleep(0.1)
    return {"score": 100 // len(topic)}
essay.human("gate", "Fine?")
essay.edges("START -> draft; draft -> gate if score < 20; draft -> END else; gate -> END")
watch(essay.map([{"topic": topic} for topic in ("bees", "", "wasps!")] * 3, parallel=2))
"""
    written = in_terminal(script, tmp_path)
    shown = "\n".join(screen(written))
    assert "6 of 9" in shown
    assert "3 done, 3 failed, 3 waiting" in shown
    assert shown.count("failed: ZeroDivisionError") == shown.count("waiting: waits for a person at gate") == 3
    assert "batch.resume() goes on" in shown
    assert "▶ 0. running" in written


def counting() -> Graph:
    graph = Graph("count")

    @graph.node
    async def count(number: int = 0):
        await asyncio.sleep(0)
        return {"number": number + 1}

    graph.edges("START -> count; count -> count if number < 3; count -> END else")
    return graph


def test_it_gives_the_run_back() -> None:
    said = io.StringIO()
    assert watch(counting().run(), file=said).result()["number"] == 3
    assert said.getvalue().splitlines()[-1].startswith("count: done, 3 steps · 0:0")


def test_a_log_may_have_a_poor_encoding() -> None:
    said = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert watch(counting().run(), file=said).status == "done"
    said.seek(0)
    assert said.read().splitlines()[-1].startswith("count: done, 3 steps ? 0:0")


def test_a_batch_in_a_log_tells_how_it_ended() -> None:
    said = io.StringIO()
    assert len(watch(counting().map([{}, {}, {}]), file=said).results()) == 3
    assert said.getvalue().splitlines()[-1] == "count: 3 done"


def test_a_run_of_this_loop_is_not_watched_by_what_would_block_it() -> None:
    refused: list[str] = []
    graph = Graph("outer")

    @graph.node
    async def inner():
        try:
            watch(counting().run(), file=io.StringIO())
        except RunError as error:
            refused.append(str(error))

    graph.edges("START -> inner -> END")
    graph.run().result()
    assert "await run" in refused[0]


def test_a_stored_run_is_watched_too(tmp_path: Path) -> None:
    said, store = io.StringIO(), str(tmp_path / "runs.db")
    graph = counting()
    run = graph.run(store=store)
    run.result()
    assert watch(graph.watch(run.id, store=store), file=said).status == "done"
    lines = said.getvalue().splitlines()
    assert lines[0].startswith("1. count: number = 1 -> count")
    assert lines[-1].startswith("count: done, 3 steps")


@pytest.mark.slow
def test_in_an_ipython_of_a_terminal_ctrl_c_stops_the_watching_and_not_the_run(tmp_path: Path) -> None:
    cells = (
        "%load_ext nbgraph",
        "%graph new g",
        "%%node\ndef slow():\n    import time; time.sleep(2)",
        "%%edges\nSTART -> slow -> END",
        "from nbgraph.terminal import watch\nrun = watch(g.run())\nprint('then', run.status, run.wait().status)",
    )
    script = "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
    script += f"for cell in {cells!r}:\n    shell.run_cell(cell).raise_error()\n"
    written = in_terminal(script, tmp_path, interrupt=lambda text: "▶" in text)
    shown = screen(written)
    assert "Stopped watching; g goes on." in shown
    assert "then running done" in shown
