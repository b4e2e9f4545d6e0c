"""options: every line of a magic is read strictly, and what is wrong with it is pointed at."""

from __future__ import annotations

import pytest

from nbgraph.errors import TextError
from nbgraph.notebook import options
from nbgraph.notebook.options import EDGES, EdgeLine, GraphLine, HumanLine, NodeLine


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", NodeLine(None, None)),
        ("--writes text", NodeLine(("text",), None)),
        ("--writes text,score", NodeLine(("text", "score"), None)),
        ("--writes text, score", NodeLine(("text", "score"), None)),
        ("--writes=text --graph=other", NodeLine(("text",), "other")),
    ],
)
def test_node_line_becomes_a_record(line: str, expected: NodeLine) -> None:
    assert options.node_line(line) == expected


def test_human_line_becomes_a_record() -> None:
    line = options.human_line("""gate --show text --options "send it",don't --edit text,title""")
    assert line == HumanLine("gate", ("text",), ("send it", "don't"), ("text", "title"), None)


def test_human_line_leaves_unsaid_what_was_not_given() -> None:
    assert options.human_line("gate") == HumanLine("gate", (), None, (), None)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("new essay", GraphLine("new", "essay")),
        ("drop draft", GraphLine("drop", "draft")),
        ("check", GraphLine("check", "")),
        ("", GraphLine("", "")),
    ],
)
def test_graph_line_becomes_a_record(line: str, expected: GraphLine) -> None:
    assert options.graph_line(line) == expected


def test_edge_line_takes_its_graph_in_front_of_the_edges() -> None:
    assert options.edge_line("--graph other a -> b") == EdgeLine(" a -> b", "other")
    assert options.edge_line("a -> b") == EdgeLine("a -> b", None)


@pytest.mark.parametrize(
    ("line", "sentence", "column"),
    [
        ("--wrties text", "%%node has no option '--wrties'; did you mean '--writes'?", 8),
        ("--colour red", "%%node has no option '--colour'; it has --writes, --graph.", 8),
        ("-w text", "%%node has no option '-w'", 8),
        ("--writes", "--writes needs its value: `--writes k,..`.", 8),
        ("--writes --graph g", "--writes needs its value", 8),
        ("--writes=", "--writes needs its value", 8),
        ("--writes a --writes b", "--writes stands here twice; keep one.", 19),
        ("--writes a,a", "'a' stands here twice; keep one.", 17),
        ("--writes a,,b", "a comma stands here without a name on both sides.", 17),
        ("--writes 2x", "'2x' cannot name a key", 17),
        ("--writes if", "'if' is a reserved word and cannot name a key.", 17),
        ("--graph my-graph", "'my-graph' cannot name a graph", 16),
        ("draft", "%%node takes no 'draft' here; its name is that of the function.", 8),
    ],
)
def test_a_wrong_node_line_is_refused_with_a_caret(line: str, sentence: str, column: int) -> None:
    with pytest.raises(TextError) as caught:
        options.node_line(line)
    assert sentence in caught.value.message
    assert str(caught.value).endswith(f"    %%node {line}\n{' ' * (column + 3)}^")


@pytest.mark.parametrize("name", ["--retry", "--timeout", "--cache", "--join", "--parallel", "--on"])
def test_an_option_that_comes_later_is_refused_not_ignored(name: str) -> None:
    with pytest.raises(TextError, match=f"{name} comes later"):
        options.node_line(f"{name} 3")


@pytest.mark.parametrize("name", ["--form", "--timeout"])
def test_an_option_of_human_that_comes_later_is_refused(name: str) -> None:
    with pytest.raises(TextError, match=f"{name} comes later"):
        options.human_line(f"gate {name} x")


@pytest.mark.parametrize("action", ["export", "runs", "approvals"])
def test_an_action_that_comes_later_is_refused(action: str) -> None:
    with pytest.raises(TextError, match=f"%graph {action} comes later"):
        options.graph_line(action)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nwe essay", "%graph does not know 'nwe'; did you mean 'new'?"),
        ("essay", "%graph does not know 'essay'; it knows new, use, show, check, drop."),
        ("new", "%graph new needs a name, such as `%graph new essay`."),
        ("drop", "%graph drop needs a name, such as `%graph drop draft`."),
        ("show essay", "%graph show takes nothing here."),
        ("new essay other", "%graph new takes nothing here."),
    ],
)
def test_a_wrong_graph_line_is_refused(line: str, sentence: str) -> None:
    with pytest.raises(TextError) as caught:
        options.graph_line(line)
    assert caught.value.message == sentence


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "%%human needs a name, such as `%%human gate`."),
        ("--show text", "%%human needs a name"),
        ("gate other", "%%human takes no 'other' here; the question stands in the lines below."),
        ('gate --options "send', 'a " is not closed.'),
        ("gate --writes x", "%%human has no option '--writes'"),
    ],
)
def test_a_wrong_human_line_is_refused(line: str, sentence: str) -> None:
    with pytest.raises(TextError) as caught:
        options.human_line(line)
    assert sentence in caught.value.message


def test_an_edges_line_takes_no_edges() -> None:
    with pytest.raises(TextError, match="what it holds stands in the lines below"):
        options.body_line(EDGES, "a -> b")


def test_edge_refuses_a_misspelt_option() -> None:
    with pytest.raises(TextError, match="%edge has no option '--grph'; did you mean '--graph'"):
        options.edge_line("--grph other a -> b")


def test_help_lists_every_option_with_what_it_does() -> None:
    for form in (options.NODE, options.EDGES, options.HUMAN, options.STATE):
        text = options.describe(form)
        assert all(option.name in text for option in form.options)
        assert all(option.help for option in form.options if option.kind != "later")
