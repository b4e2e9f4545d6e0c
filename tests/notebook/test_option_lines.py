"""option_lines: every line of a magic is read strictly, and what is wrong with it is pointed at."""

from __future__ import annotations

from typing import Any

import pytest

from nbgraph.errors import TextError
from nbgraph.notebook import option_lines
from nbgraph.notebook.option_lines import Calling, EdgeLine, GraphLine, HumanLine, NodeLine, SubgraphLine, Word
from nbgraph.notebook.options import ACTIONS, EDGES

WAITING = {"--status": ("waiting", "failed"), "--limit": 3}
PRUNED = {"--keep": 0, "--older-than": 30 * 86400, "--dry-run": True}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", NodeLine()),
        ("--writes text", NodeLine(("text",))),
        ("--writes text,score", NodeLine(("text", "score"))),
        ("--writes text, score", NodeLine(("text", "score"))),
        ("--writes=text --graph=other", NodeLine(("text",), "other")),
    ],
)
def test_node_line_becomes_a_record(line: str, expected: NodeLine) -> None:
    assert option_lines.node_line(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--retry 3", {"retry": 3}),
        ("--backoff 0.5", {"backoff": 0.5}),
        ("--backoff 0", {"backoff": 0}),
        ("--timeout 30", {"timeout": 30}),
        ("--timeout 30s", {"timeout": 30}),
        ("--timeout 5m", {"timeout": 300}),
        ("--timeout=2h", {"timeout": 7200}),
        ("--timeout 1.5h", {"timeout": 5400}),
        ("--cache", {"cache": True}),
        ("--cache --retry 3", {"cache": True, "retry": 3}),
        ("--cache 5m --version 2", {"cache": 300, "version": "2"}),
        ('--cache --version "second try"', {"cache": True, "version": "second try"}),
        ("--join any", {"join": "any"}),
        ("--parallel 8", {"parallel": 8}),
    ],
)
def test_how_a_node_is_called_is_read(line: str, expected: dict[str, Any]) -> None:
    assert option_lines.node_line(line).calling == Calling(**expected)


def test_what_an_option_names_keeps_its_place() -> None:
    calling = option_lines.node_line("--retry-on TimeoutError, httpx.ReadError --on pool").calling
    assert calling.retry_on is not None
    assert [(each.text, each.column) for each in calling.retry_on] == [("TimeoutError", 19), ("httpx.ReadError", 33)]
    assert calling.on == Word("pool", 54, "%%node --retry-on TimeoutError, httpx.ReadError --on pool")


def test_human_line_becomes_a_record() -> None:
    line = option_lines.human_line("""gate --show text --options "send it",don't --edit text,title""")
    assert line == HumanLine("gate", ("text",), ("send it", "don't"), ("text", "title"))


def test_human_line_leaves_unsaid_what_was_not_given() -> None:
    assert option_lines.human_line("gate") == HumanLine("gate")


def test_human_line_names_its_form() -> None:
    form = option_lines.human_line("gate --form models.Rating").form
    assert form == Word("models.Rating", 21, "%%human gate --form models.Rating")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("research", SubgraphLine("research")),
        ("research --reads question=topic", SubgraphLine("research", reads={"question": "topic"})),
        ("research --writes findings=notes,score", None),
        ("--name deep research --limit 50", SubgraphLine("research", "deep", limit=50)),
        ("research --retry 2 --graph essay", SubgraphLine("research", graph="essay", calling=Calling(retry=2))),
        ("research --reads=question=topic", SubgraphLine("research", reads={"question": "topic"})),
    ],
)
def test_subgraph_line_becomes_a_record(line: str, expected: SubgraphLine | None) -> None:
    both = SubgraphLine("research", writes={"findings": "notes", "score": "score"})
    assert option_lines.subgraph_line(line) == (expected or both)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("new essay", GraphLine("new", "essay")),
        ("drop draft", GraphLine("drop", "draft")),
        ("check", GraphLine("check")),
        ("forget", GraphLine("forget")),
        ("", GraphLine("")),
        ("runs", GraphLine("runs")),
        ("runs all", GraphLine("runs", "all")),
        ("runs essay --status waiting, failed --limit 3", GraphLine("runs", "essay", "", WAITING)),
        ("runs --status=interrupted", GraphLine("runs", "", "", {"--status": ("interrupted",)})),
        ("approvals essay", GraphLine("approvals", "essay")),
        ("resume essay-1a2b", GraphLine("resume", "essay-1a2b")),
        ("resume e-1 --rename a=b,c=d", GraphLine("resume", "e-1", "", {"--rename": {"a": "b", "c": "d"}})),
        ("prune --keep 0 --older-than 30d --dry-run", GraphLine("prune", "", "", PRUNED)),
        ("delete essay-1a2b", GraphLine("delete", "essay-1a2b")),
        ("export essay-1a2b 'my run.nbrun'", GraphLine("export", "essay-1a2b", "my run.nbrun")),
        ("import my.nbrun", GraphLine("import", "", "my.nbrun")),
    ],
)
def test_graph_line_becomes_a_record(line: str, expected: GraphLine) -> None:
    assert option_lines.graph_line(line) == expected


def test_edge_line_takes_its_graph_in_front_of_the_edges() -> None:
    assert option_lines.edge_line("--graph other a -> b") == EdgeLine(" a -> b", "other")
    assert option_lines.edge_line("a -> b") == EdgeLine("a -> b", None)


@pytest.mark.parametrize(
    ("line", "sentence", "column"),
    [
        ("--wrties text", "%%node has no option '--wrties'; did you mean '--writes'?", 8),
        ("--retyr 3", "%%node has no option '--retyr'; did you mean '--retry'?", 8),
        ("--colour red", "%%node has no option '--colour'; it has --writes, --retry, --backoff, ", 8),
        ("--form int", "%%node has no option '--form'", 8),
        ("-w text", "%%node has no option '-w'", 8),
        ("--writes", "--writes needs its value: `--writes k,..`.", 8),
        ("--writes --graph g", "--writes needs its value", 8),
        ("--writes=", "--writes needs its value", 8),
        ("--writes a --writes b", "--writes stands here twice; keep one.", 19),
        ("--cache --cache", "--cache stands here twice; keep one.", 16),
        ("--writes a,a", "'a' stands here twice; keep one.", 17),
        ("--writes a,,b", "a comma stands here without a name on both sides.", 17),
        ("--writes 2x", "'2x' cannot name a key", 17),
        ("--writes text,2x", "'2x' cannot name a key", 22),
        ("--writes if", "'if' is a reserved word and cannot name a key.", 17),
        ("--graph my-graph", "'my-graph' cannot name a graph", 16),
        ("draft", "%%node takes no 'draft' here; its name is that of the function.", 8),
        ("--retry", "--retry needs its value: `--retry N`.", 8),
        ("--retry 0", "--retry takes a whole number, 1 or more, as `--retry 3`; not '0'.", 16),
        ("--retry -1", "--retry takes a whole number, 1 or more, as `--retry 3`; not '-1'.", 16),
        ("--retry three", "--retry takes a whole number", 16),
        ("--retry 2.5", "--retry takes a whole number", 16),
        ("--parallel x", "--parallel takes a whole number", 19),
        ("--timeout 5min", "--timeout takes seconds, as 30 or 0.5, or 30s, 5m, 2h, 1d; not '5min'.", 18),
        ("--timeout -5", "--timeout takes seconds", 18),
        ("--timeout 1e3", "--timeout takes seconds", 18),
        (f"--timeout {'9' * 400}", "--timeout takes seconds", 18),
        ("--timeout 0", "--timeout takes more than 0.", 18),
        ("--timeout 0s", "--timeout takes more than 0s.", 18),
        ("--timeout", "--timeout needs its value: `--timeout S`.", 8),
        ("--timeout 30 s", "%%node takes no 's' here", 21),
        ("--cache=", "--cache needs its value", 8),
        ("--cache forever", "--cache takes seconds", 16),
        ("--cache 0", "--cache takes more than 0.", 16),
        ("--join al", "--join is all, any or first, not 'al'; did you mean 'all'?", 15),
        ("--join", "--join needs its value: `--join all|any|first`.", 8),
        ("--on my-pool", "--on takes a name, as `--on thread`; not 'my-pool'.", 13),
        ("--retry-on Time()", "--retry-on takes a name, as `--retry-on ConnectionError`; not 'Time()'.", 19),
        ("--retry-on OSError,Time()", "--retry-on takes a name", 27),
        ("--retry-on a..b", "--retry-on takes a name", 19),
    ],
)
def test_a_wrong_node_line_is_refused_with_a_caret(line: str, sentence: str, column: int) -> None:
    with pytest.raises(TextError) as caught:
        option_lines.node_line(line)
    assert sentence in caught.value.message
    assert str(caught.value).endswith(f"    %%node {line}\n{' ' * (column + 3)}^")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nwe essay", "%graph does not know 'nwe'; did you mean 'new'?"),
        ("essay", f"%graph does not know 'essay'; it knows {', '.join(each.name for each in ACTIONS)}."),
        ("new", "%graph new needs a name, such as `%graph new essay`."),
        ("drop", "%graph drop needs a name, such as `%graph drop draft`."),
        ("show essay", "%graph show takes nothing here."),
        ("forget essay", "%graph forget takes nothing here."),
        ("new essay other", "%graph new takes nothing here."),
        ("show --limit 3", "%graph show takes nothing here."),
        ("runs essay other", "%graph runs takes nothing here."),
        ("resume", "%graph resume needs a run, such as `%graph resume essay-1a2b3c4d`."),
        ("export essay-1", "%graph export needs a run and a file, such as `%graph export essay-1a2b3c4d essay.nbrun`."),
        ("import", "%graph import needs a file, such as `%graph import essay.nbrun`."),
        ("prune --kep 3", "%graph prune has no option '--kep'; did you mean '--keep'?"),
        ("prune --keep some", "--keep takes a whole number, 0 or more, as `--keep 100`; not 'some'."),
        ("prune --dry-run yes", "%graph prune takes nothing here."),
        ("resume e --rename a=", "--rename takes pairs of nodes: `--rename old=new,..`; not 'a='."),
    ],
)
def test_a_wrong_graph_line_is_refused(line: str, sentence: str) -> None:
    with pytest.raises(TextError) as caught:
        option_lines.graph_line(line)
    assert caught.value.message == sentence


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "%%human needs a name, such as `%%human gate`."),
        ("--show text", "%%human needs a name"),
        ("gate other", "%%human takes no 'other' here; the question stands in the lines below."),
        ('gate --options "send', 'a " is not closed.'),
        ("gate --writes x", "%%human has no option '--writes'"),
        ("gate --timeout 2h", "a deadline needs the option that is the answer then: `2h=reject`; not '2h'."),
        ("gate --timeout 2h=later --options a,b", "at the deadline the answer is one of a, b, not 'later'."),
        ("gate --timeout", "--timeout needs its value: `--timeout TIME=OPTION`."),
        ("gate --form", "--form needs its value: `--form TYPE`."),
        ("gate --form list[int]", "--form takes a name, as `--form str`; not 'list[int]'."),
    ],
)
def test_a_wrong_human_line_is_refused(line: str, sentence: str) -> None:
    with pytest.raises(TextError) as caught:
        option_lines.human_line(line)
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    ("line", "sentence", "column"),
    [
        ("", "%subgraph needs the name of a graph, such as `%subgraph research`.", 11),
        ("--limit 3", "%subgraph needs the name of a graph", 11),
        ("2nd", "'2nd' cannot name a graph", 11),
        ("research deep", "%subgraph takes no 'deep' here; it makes one node of one graph.", 20),
        ("research --reads =topic", "--reads takes pairs of keys: `--reads its=ours,..`; not '=topic'.", 28),
        ("research --reads a=b,question=", "--reads takes pairs of keys: `--reads its=ours,..`; not 'question='.", 32),
        ("research --reads a=b,a=c", "'a' stands here twice; keep one.", 32),
        ("research --reads a=2x", "'2x' cannot name a key", 30),
        ("research --reads", "--reads needs its value: `--reads its=ours,..`.", 20),
        ("research --on process", "%subgraph has no option '--on'", 20),
        ("research --limit 0", "--limit takes a whole number", 28),
        ("research --name END", "'END' is a reserved word and cannot name a node.", 27),
    ],
)
def test_a_wrong_subgraph_line_is_refused_with_a_caret(line: str, sentence: str, column: int) -> None:
    with pytest.raises(TextError) as caught:
        option_lines.subgraph_line(line)
    assert sentence in caught.value.message
    assert str(caught.value).endswith(f"    %subgraph {line}\n{' ' * (column + 3)}^")


def test_an_edges_line_takes_no_edges() -> None:
    with pytest.raises(TextError, match="what it holds stands in the lines below"):
        option_lines.body_line(EDGES, "a -> b")


def test_edge_refuses_a_misspelt_option() -> None:
    with pytest.raises(TextError, match="%edge has no option '--grph'; did you mean '--graph'"):
        option_lines.edge_line("--grph other a -> b")
