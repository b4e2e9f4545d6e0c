"""Several cells start runs of one graph, and each gets what is its own."""

from __future__ import annotations

import re

import pytest
from front_end import started

pytestmark = pytest.mark.slow

GRAPH = """
%load_ext nbgraph
import asyncio, time
from nbgraph import Graph
essay = Graph("essay")
@essay.node
async def draft(topic):
    for number in range(5):
        await asyncio.sleep(0.05)
        print(f"{topic} is drafted")
    return {"text": topic}
@essay.node
def check(text):
    time.sleep(0.05)
    print(f"{text} is checked")
    return {"score": len(text)}
essay.human("gate", "Fine? {{ text }}")
essay.edges("START -> draft -> check -> gate -> END")
"""
TOPICS = ("bees", "ants", "wasps")


def drafted(topic: str) -> list[str]:
    return [f"{topic} is drafted"] * 5 + [f"{topic} is checked"]


def test_cells_that_start_runs_of_one_graph_get_each_their_own_prints_and_results() -> None:
    with started() as page:
        page.run(GRAPH)
        cells = {topic: page.run(f"{topic} = essay.run(topic={topic!r})") for topic in TOPICS}
        many = page.run("batch = essay.map([{'topic': 'moths'}] * 3, parallel=2)")
        busy = page.run("time.sleep(0.5)\nprint('stranger')")
        page.run("batch.wait()\nfor run in (bees, ants, wasps): run.wait()")
        page.run(f"for run in ({', '.join(TOPICS)}): _ = run.answer('gate', 'approve', run.state['topic'])")
        told = page.run(f"print([(run.result()['gate_note'], run.state['score']) for run in ({', '.join(TOPICS)})])")
        page.settle()
        assert {topic: page.text(cell).splitlines() for topic, cell in cells.items()} == {
            topic: drafted(topic) for topic in TOPICS
        }
        # Two threads of one batch print here: the end of a line may come after another's text, as it does with threads.
        assert sorted(re.findall("moths is [a-z]+?ed(?=moths|\n)", page.text(many))) == sorted(drafted("moths") * 3)
        assert page.text(many).count("\n") == 18
        assert page.text(busy) == "stranger\n"
        assert page.text(told) == "[('bees', 4), ('ants', 4), ('wasps', 5)]\n"


def test_a_cell_that_declares_the_graph_anew_leaves_runs_of_other_cells_as_they_are() -> None:
    with started() as page:
        page.run(GRAPH)
        page.run("first = essay.run(topic='bees')\nbatch = essay.map([{'topic': 'ants'}] * 4, parallel=1)")
        anew = (
            "%graph new essay\n@essay.node\ndef other():\n    return {'other': 1}\nessay.edges('START -> other -> END')"
        )
        page.run(anew)
        told = page.run("print(essay.run().result(), first.wait().status, batch.wait().status)")
        assert page.text(told) == "{'other': 1} waiting 4 waiting\n"
