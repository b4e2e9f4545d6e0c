"""catalog: which graph and which cell a declaration belongs to, and what running a cell again replaces."""

from __future__ import annotations

import re

import pytest
from fresh_notebook import Door, Notebook

from nbgraph.core.graph import declared_in
from nbgraph.library import Graph
from nbgraph.notebook import pictures

DRAFT = "def draft(topic):\n    return {'text': topic}"
WRITER = "def writer(topic):\n    return {'text': topic}"


def test_new_binds_an_empty_graph(bare: Notebook) -> None:
    assert bare.run("%graph new essay").lines == ["essay is a new graph"]
    assert isinstance(bare["essay"], Graph)


def test_new_again_clears_and_says_what_it_forgot(notebook: Notebook) -> None:
    before = notebook["essay"]
    notebook.run(f"%%node\n{DRAFT}")
    notebook.run("%edge START -> draft -> END")
    text = notebook.run("%graph new essay").text
    assert re.search("essay: forgot 1 nodes? and 2 edges; runs that exist keep their plan", text)
    assert notebook["essay"] is before
    assert not before.nodes


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (
            "essay = 3\n%graph new essay",
            "the variable 'essay' is no graph but int; take another name or `del essay`.",
        ),
        ("%graph new print", "'print' is a function of Python; take another name for the graph."),
        ("%graph new if", "'if' is a reserved word and cannot name a graph"),
        ("%graph new 2nd", "'2nd' cannot name a graph"),
        ("%graph use essy", "'essy' is no graph of this notebook; did you mean 'essay'?"),
    ],
)
def test_a_name_that_cannot_be_a_graph_is_refused(notebook: Notebook, cell: str, sentence: str) -> None:
    assert sentence in notebook.refuse(cell)


def test_new_leaves_the_variable_that_it_refuses(bare: Notebook) -> None:
    bare.refuse("notes = [1]\n%graph new notes")
    assert bare["notes"] == [1]


@pytest.mark.parametrize(
    "cell", [f"%%node\n{DRAFT}", "%%edges\na -> b", "%edge a -> b", "%%human gate\nOk?", "%graph show"]
)
def test_a_declaration_without_a_graph_shows_the_line_to_type(bare: Notebook, cell: str) -> None:
    assert "there is no current graph yet; type `%graph new essay`" in bare.refuse(cell)


def test_a_graph_made_in_plain_python_can_be_used(bare: Notebook) -> None:
    bare.run("from nbgraph import Graph\nessay = Graph('essay')")
    assert "or `%graph use essay`" in bare.refuse("%edge a -> b")
    bare.run("%graph use essay\n%edge a -> b")
    assert bare["essay"].names() == ("a", "b")


def test_the_option_graph_goes_before_the_current_graph(notebook: Notebook) -> None:
    notebook.run("%graph new other")
    notebook.run(f"%%node --graph essay\n{DRAFT}")
    notebook.run("%edge --graph essay START -> draft")
    assert (list(notebook["essay"].nodes), list(notebook["other"].nodes)) == (["draft"], [])
    assert notebook["essay"].names() == ("draft",)


def test_a_current_graph_that_was_deleted_is_an_error(notebook: Notebook) -> None:
    assert "'essay' is no graph of this notebook; type `%graph new essay`" in notebook.refuse("del essay\n%edge a -> b")


def test_running_a_cell_again_replaces_what_it_declared(notebook: Notebook, door: Door) -> None:
    notebook.run(door.node(DRAFT), "c1")
    notebook.run(door.edges("START -> draft -> END"), "c2")
    notebook.run(door.node("def draft(topic, tone='dry'):\n    return {'title': topic}"), "c1")
    notebook.run(door.edges("START -> draft"), "c2")
    assert notebook["essay"].nodes["draft"].signature == "draft(topic, [tone]) -> title"
    assert list(map(str, notebook["essay"].statements)) == ["START -> draft"]


def test_a_rename_says_which_edges_keep_the_old_name(notebook: Notebook, door: Door) -> None:
    notebook.run(door.node(DRAFT), "c1")
    notebook.run(door.edges("START -> draft -> END"), "c2")
    assert "renamed draft to writer; 2 edges still say draft" in notebook.run(door.node(WRITER), "c1").lines
    assert list(notebook["essay"].nodes) == ["writer"]


def test_a_cell_that_declares_nothing_any_more_says_what_is_gone(notebook: Notebook, door: Door) -> None:
    notebook.run(door.node(DRAFT), "c1")
    assert notebook.run("pass", "c1").lines == ["draft is no longer declared"]
    assert not notebook["essay"].nodes


def test_a_second_cell_with_the_same_name_wins_and_both_are_named(notebook: Notebook) -> None:
    notebook.run(f"%%node\n{DRAFT}", "c1")
    text = notebook.run("%%node\ndef draft(other): ...", "c2").text
    assert "draft is declared in cell [3] and in cell [4]; cell [4] counts now." in text
    assert notebook["essay"].nodes["draft"].reads[0].key == "other"
    assert "draft" in notebook["essay"].duplicates


def test_the_warning_of_a_duplicate_goes_when_the_first_cell_is_run_again(notebook: Notebook) -> None:
    notebook.run(f"%%node\n{DRAFT}", "c1")
    notebook.run(f"%%node\n{DRAFT}", "c2")
    notebook.run(f"%%node\n{WRITER}", "c1")
    assert not notebook["essay"].duplicates
    assert list(notebook["essay"].nodes) == ["draft", "writer"]


def test_dropping_a_duplicate_ends_its_warning(notebook: Notebook) -> None:
    notebook.run(f"%%node\n{DRAFT}", "c1")
    notebook.run(f"%%node\n{DRAFT}", "c2")
    assert notebook.run("%graph drop draft").lines == ["dropped draft"]
    assert not notebook["essay"].duplicates


def test_a_node_that_moves_to_another_graph_leaves_the_first(notebook: Notebook) -> None:
    notebook.run(f"%%node\n{DRAFT}", "c1")
    notebook.run("%graph new other")
    notebook.run(f"%%node\n{DRAFT}", "c1")
    assert not notebook["essay"].nodes
    assert list(notebook["other"].nodes) == ["draft"]


def test_without_cell_ids_names_are_the_identity(notebook: Notebook, door: Door) -> None:
    notebook.run(door.node(DRAFT))
    notebook.run(door.edges("START -> draft; draft -> END"))
    notebook.run(door.node("def draft(other): ..."))
    notebook.run(door.edges("draft -> check"))
    assert notebook["essay"].nodes["draft"].reads[0].key == "other"
    assert list(map(str, notebook["essay"].statements)) == ["START -> draft", "draft -> check"]


def test_a_cell_that_fails_loses_nothing_of_what_it_declared_before(notebook: Notebook, door: Door) -> None:
    notebook.run(door.node(DRAFT), "c1")
    assert notebook.execute("1 / 0", "c1").error
    assert list(notebook["essay"].nodes) == ["draft"]
    notebook.run(door.node(WRITER), "c1")
    assert list(notebook["essay"].nodes) == ["writer"]


def test_each_declaration_knows_its_cell(notebook: Notebook, door: Door) -> None:
    notebook.run(door.node(DRAFT), "c1")
    assert notebook["essay"].nodes["draft"].where == "cell [3]"


def test_edges_know_the_line_of_their_cell(notebook: Notebook) -> None:
    notebook.run("\n%%edges\n# two\nSTART -> draft\ndraft -> END")
    notebook.run("x = 1\n%edge critique -> END")
    assert notebook["essay"].places() == ("cell [3], line 4", "cell [3], line 5", "cell [4], line 2")


def test_a_cell_inside_a_cell_gives_the_outer_one_its_place_back(notebook: Notebook) -> None:
    notebook.run("get_ipython().run_cell('1 + 1')\n%edge a -> b", "c1")
    assert notebook["essay"].places() == ("cell [3], line 2",)
    notebook.run("pass", "c1")
    assert not notebook["essay"].statements


def test_between_cells_declarations_belong_to_none(notebook: Notebook) -> None:
    notebook.run(f"%%node\n{DRAFT}", "c1")
    assert declared_in.get() is None


def test_the_cell_that_loads_the_extension_may_declare(notebook: Notebook) -> None:
    notebook.run("%unload_ext nbgraph")
    notebook.run(f"%load_ext nbgraph\n%graph use essay\n%node\n{DRAFT}")
    assert list(notebook["essay"].nodes) == ["draft"]


def test_functions_of_the_notebook_route_by_name(notebook: Notebook) -> None:
    notebook.run(f"%%node\n{DRAFT}")
    notebook.run("%%edges\nSTART -> draft\ndraft -> END, draft by route()")
    notebook.run("def route(text):\n    return 'END'")
    assert notebook.run("print(essay.run(topic='bees').result()['text'])").lines == ["bees"]


def test_pictures_are_drawn_anew_after_each_cell(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr("nbgraph.notebook.pictures.refresh", lambda graph: drawn.append(graph.name))
    notebook.run(f"%%node\n{DRAFT}")
    notebook.execute("%edge a -> b\n1 / 0")
    assert drawn == ["essay", "essay"]


# -- graphs as nodes of others -----------------------------------------------------------------------------------------

SEARCH = "%%node --graph research\ndef search(topic):\n    return {'notes': topic + '!'}"


def declare_research(notebook: Notebook) -> None:
    notebook.run("%graph new research\n%graph use essay")
    notebook.run(SEARCH, "s1")
    notebook.run("%edge --graph research START -> search -> END", "s2")


def drawn(notebook: Notebook) -> list[str]:
    """The nodes in the picture of essay as it is displayed."""
    widget = pictures._pictures[notebook["essay"]].widget
    return [node["name"] for node in widget.drawing["nodes"]]


@pytest.mark.parametrize("first", ["inner", "outer"])
def test_an_edge_names_a_graph_that_is_declared_before_or_after_it(notebook: Notebook, first: str) -> None:
    if first == "inner":
        declare_research(notebook)
    notebook.run("%edge START -> research -> END")
    if first == "outer":
        declare_research(notebook)
    assert notebook.run("print(essay.run(topic='bees').result()['notes'])").lines == ["bees!"]
    assert notebook.run("%graph check").lines == ["no problems"]


def test_a_graph_made_in_plain_python_is_a_node_too(notebook: Notebook) -> None:
    notebook.run("from nbgraph import Graph\nresearch = Graph('research')\nresearch.edges('START -> search -> END')")
    notebook.run("@research.node\ndef search(topic):\n    return {'notes': topic + '!'}")
    notebook.run("essay.edges('START -> research -> END')")
    assert notebook.run("print(essay.run(topic='bees').result()['notes'])").lines == ["bees!"]


def test_a_graph_that_is_made_and_used_in_one_cell_finds_what_the_notebook_holds(notebook: Notebook) -> None:
    declare_research(notebook)
    notebook.run("from nbgraph import Graph\nother = Graph('other')\n%edge --graph other START -> research -> END")
    assert notebook["other"].nodes["research"].inner is notebook["research"]


@pytest.mark.parametrize(
    "change",
    [
        "%%node --graph research\ndef look(topic): ...",
        "%edge --graph research search -> look",
        "%graph new research\n%graph use essay",
        "del research",
    ],
)
def test_a_picture_is_drawn_anew_when_a_graph_inside_it_changes(notebook: Notebook, change: str) -> None:
    declare_research(notebook)
    notebook.run("%%edges\nSTART -> research -> END")
    before = drawn(notebook)
    assert "research/search" in before
    notebook.run(change)
    assert drawn(notebook) == [node.name for node in notebook["essay"].outline().nodes]
    assert drawn(notebook) != before


def test_a_picture_is_drawn_anew_when_a_name_becomes_a_graph(notebook: Notebook) -> None:
    notebook.run("%%edges\nSTART -> research -> END")
    declare_research(notebook)
    assert "research/search" in drawn(notebook)


def test_a_picture_with_a_graph_inside_it_rests_while_nothing_changes(notebook: Notebook) -> None:
    declare_research(notebook)
    notebook.run("%%edges\nSTART -> research -> END")
    before = pictures._pictures[notebook["essay"]].widget.drawing
    notebook.run("%graph check")
    assert pictures._pictures[notebook["essay"]].widget.drawing is before


def test_new_clears_a_graph_that_another_uses_and_it_can_be_written_again(notebook: Notebook) -> None:
    declare_research(notebook)
    notebook.run("%edge START -> research -> END")
    assert "research: forgot 1 node" in notebook.run("%graph new research\n%graph use essay").text
    notebook.run("%graph check")
    declare_research(notebook)
    assert notebook.run("print(essay.run(topic='bees').result()['notes'])").lines == ["bees!"]


def test_dropping_a_graph_from_another_leaves_the_graph(notebook: Notebook) -> None:
    declare_research(notebook)
    notebook.run("%subgraph research --name deep", "c1")
    notebook.run("%edge START -> deep, research -> END", "c2")
    assert notebook.run("%graph drop deep", "c3").lines == ["dropped deep"]
    assert notebook.run("%graph drop research", "c4").lines == ["dropped research and 2 edge statements"]
    assert not notebook["essay"].names()
    assert list(notebook["research"].nodes) == ["search"]


def test_renaming_a_subgraph_says_which_edges_keep_the_old_name(notebook: Notebook) -> None:
    declare_research(notebook)
    notebook.run("%subgraph research --name deep", "c1")
    notebook.run("%edge START -> deep -> END", "c2")
    lines = notebook.run("%subgraph research --name deeper", "c1").lines
    assert lines == ["deeper(topic) -> notes", "renamed deep to deeper; 2 edges still say deep"]


def test_a_node_inside_a_graph_is_renamed_by_its_cell(notebook: Notebook) -> None:
    declare_research(notebook)
    notebook.run("%%edges\nSTART -> research -> END")
    notebook.run(SEARCH.replace("def search", "def look"), "s1")
    notebook.run("%edge --graph research START -> look -> END", "s2")
    assert notebook.run("print(essay.run(topic='bees').result()['notes'])").lines == ["bees!"]
    assert [name for name in drawn(notebook) if "/" in name] == ["research/START", "research/look", "research/END"]


def test_two_graphs_that_name_each_other_are_refused_in_a_sentence(notebook: Notebook) -> None:
    notebook.run("%graph new research\n%edge START -> essay -> END\n%graph use essay")
    notebook.run("%edge START -> research -> END")
    assert "GraphError: essay cannot run yet:" in notebook.refuse("essay.run()")
    assert notebook.run("%graph show").lines == ["<picture of essay>"]


def test_a_cell_that_is_run_again_belongs_to_the_graph_it_first_ran_under(bare: Notebook) -> None:
    bare.run("%graph new inbox", "c1")
    bare.run("%edge START -> sort -> END", "c2")
    bare.run("%graph new evening", "c3")
    bare.run("%edge START -> cook -> END", "c4")
    again = bare.run("%edge START -> read -> END", "c2")
    assert again.lines[0] == "for inbox, as before; the current graph is evening"
    assert bare["inbox"].names() == ("read",)
    assert bare["evening"].names() == ("cook",)


def test_a_section_that_gets_another_name_takes_its_cells_along(bare: Notebook) -> None:
    bare.run("%graph new inbox", "c1")
    bare.run("%edge START -> sort -> END", "c2")
    bare.run("%graph new other", "c3")
    bare.run("%graph new outbox", "c1")
    bare.run("%graph use other", "c3")
    bare.run("%edge START -> sort -> END", "c2")
    assert bare["outbox"].names() == ("sort",)


def test_a_new_cell_belongs_to_the_current_graph(bare: Notebook) -> None:
    bare.run("%graph new inbox", "c1")
    bare.run("%graph new evening", "c2")
    bare.run("%edge START -> cook -> END", "c3")
    assert bare["evening"].names() == ("cook",)
