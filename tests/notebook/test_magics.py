"""magics: what each declares and prints, and that a mistake is one sentence with nothing lost."""

from __future__ import annotations

import re

import pytest
from fresh_notebook import Door, Notebook

from nbgraph.core.policies import Cache, Policy
from nbgraph.errors import InputError, UpdateError

DRAFT = "def draft(topic, feedback=''):\n    return {'text': topic + feedback}"


def complete(notebook: Notebook, door: Door) -> None:
    """Declare a whole graph."""
    notebook.run(door.node(DRAFT), "n1")
    notebook.run(door.edges("START -> draft -> END"), "e1")


@pytest.mark.parametrize("magic", ["%%node", "%node"])
def test_node_prints_one_line_and_leaves_a_plain_function(notebook: Notebook, magic: str) -> None:
    assert notebook.run(f"{magic}\n{DRAFT}").lines == ["draft(topic, [feedback]) -> text"]
    assert notebook["draft"]("bees") == {"text": "bees"}


def test_both_doors_declare_the_same_node(notebook: Notebook, door: Door) -> None:
    notebook.run(door.node(DRAFT, writes="text"))
    node = notebook["essay"].nodes["draft"]
    assert (node.signature, node.declared) == ("draft(topic, [feedback]) -> text", ("text",))


def test_both_doors_declare_a_graph_that_runs(notebook: Notebook, door: Door) -> None:
    complete(notebook, door)
    assert notebook.run("print(essay.run(topic='bees').result()['text'])").lines == ["bees"]


def test_an_async_node_with_a_helper_beside_it_runs(notebook: Notebook) -> None:
    notebook.run(
        "%%node\nLIMIT = 2\nasync def draft(topic):\n    return words(topic)[:LIMIT]\ndef words(t): return t.split()"
    )
    notebook.run("%edge START -> draft -> END")
    assert notebook.run("print(essay.run(topic='a b c').result()['draft'])").lines == ["['a', 'b']"]


def test_edges_show_a_picture_and_edge_prints_its_statements(notebook: Notebook) -> None:
    assert notebook.run("%%edges\nSTART -> draft").lines == ["<picture of essay>"]
    assert notebook.run("%edge draft -> END if score < 7; draft -> draft else").lines == [
        "draft -> END if score < 7",
        "draft -> draft else",
    ]
    assert notebook.run("%graph show").lines == ["<picture of essay>"]


def test_human_declares_a_question_through_both_doors(notebook: Notebook, door: Door) -> None:
    notebook.run(door.human("gate", "Send {{ text }}?"))
    assert notebook["essay"].nodes["gate"].signature == "gate(text) -> gate, gate_note"


def test_human_takes_its_options(notebook: Notebook) -> None:
    ran = notebook.run('%%human gate --show score --options "send it",hold --edit text\nSend?')
    assert ran.lines == ["gate(score, text) -> gate, gate_note, text"]
    assert notebook["essay"].nodes["gate"].body.options == ("send it", "hold")


def test_state_declares_keys_through_both_doors(notebook: Notebook, door: Door) -> None:
    notebook.run("from typing import Annotated\nfrom nbgraph import append")
    notebook.run(door.state("class Keys:\n    topic: str = 'bees'\n    notes: Annotated[list[str], append]"))
    assert notebook["essay"].schema.keys == ("topic", "notes")


def test_state_prints_its_keys_with_reducers(notebook: Notebook) -> None:
    notebook.run("from typing import Annotated\nfrom nbgraph import append")
    code = "class Keys:\n    topic: str\n    notes: Annotated[list, append]"
    assert notebook.run(f"%%state\n{code}").lines == ["state: topic, notes (append)"]


def test_state_says_which_keys_are_private(notebook: Notebook) -> None:
    code = "from typing import Annotated\nfrom nbgraph import Private\nclass Keys:\n    topic: str\n    turn: Annotated"
    assert notebook.run(f"%%state\n{code}[object, Private(object)]").lines == ["state: topic, turn (private)"]


@pytest.mark.parametrize("magic", ["%%node", "%node"])
def test_options_say_how_a_node_is_called(notebook: Notebook, magic: str) -> None:
    options = "--retry 3 --backoff 0.5 --retry-on TimeoutError,Busy --timeout 5m --cache 2h --version 2 --parallel 4"
    notebook.run(f"{magic} {options}\nclass Busy(Exception): ...\n{DRAFT}")
    errors = (TimeoutError, notebook["Busy"])
    assert notebook["essay"].nodes["draft"].policy == Policy(3, 0.5, errors, 300, Cache(7200, "2"), 4)


def test_a_variable_may_hold_the_executor(notebook: Notebook) -> None:
    notebook.run("from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)")
    notebook.run(f"%%node --on pool --join any\n{DRAFT}")
    node = notebook["essay"].nodes["draft"]
    assert (node.policy.on, node.join) == (notebook["pool"], "any")
    notebook["pool"].shutdown()


def test_a_node_is_tried_again_after_the_error_that_its_line_names(notebook: Notebook) -> None:
    notebook.run("calls = []")
    notebook.run(
        "%%node --retry 3 --backoff 0 --retry-on KeyError\n"
        "def draft(topic):\n    calls.append(topic)\n    return {'text': {3: 'third'}[len(calls)]}"
    )
    notebook.run("%edge START -> draft -> END")
    assert notebook.run("print(essay.run(topic='bees').result()['text'])").lines == ["third"]


def test_forget_says_how_many_cached_results_it_forgot(notebook: Notebook) -> None:
    notebook.run("calls = []")
    notebook.run("%%node --cache\ndef draft(topic):\n    calls.append(topic)\n    return {'text': topic}")
    notebook.run("%edge START -> draft -> END")
    notebook.run("for topic in ('bees', 'ants', 'bees'): essay.run(topic=topic).result()")
    assert notebook["calls"] == ["bees", "ants"]
    assert notebook.run("%graph forget").lines == ["forgot 2 cached results of essay"]
    notebook.run("essay.run(topic='bees').result()")
    assert notebook["calls"] == ["bees", "ants", "bees"]
    assert notebook.run("%graph forget").lines == ["forgot 1 cached result of essay"]
    assert notebook.run("%graph forget").lines == ["forgot 0 cached results of essay"]


def test_a_form_is_asked_for(notebook: Notebook) -> None:
    notebook.run("from typing import Literal\nGrade = Literal['good', 'bad']")
    assert notebook.run("%%human gate --form Grade\nHow is it?").lines == ["gate() -> gate, gate_note, gate_form"]
    (field,) = notebook["essay"].nodes["gate"].body.form.fields
    assert field.choices == ("good", "bad")


def test_check_prints_each_problem_and_says_when_there_is_none(notebook: Notebook, door: Door) -> None:
    notebook.run("%edge START -> draft -> END")
    assert re.match(r"NBG\d+ .*draft is not written yet", notebook.run("%graph check").text)
    complete(notebook, door)
    assert notebook.run("%graph check").lines == ["no problems"]


def test_braces_on_a_line_are_not_expanded(notebook: Notebook) -> None:
    notebook.run("draft = 'other'")
    assert "{draft}" in notebook.refuse("%edge a -> {draft}")


def test_node_by_line_binds_nothing_when_the_cell_raised(notebook: Notebook) -> None:
    ran = notebook.execute(f"%node\n{DRAFT}\n1 / 0")
    assert "%node declared nothing, because the cell raised" in ran.text
    assert not notebook["essay"].nodes


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("%node\nx = 1", "this cell holds no def"),
        (f"%node\n%node\n{DRAFT}", "%node stands here twice; keep one."),
        ("%node\ndef a(): ...\ndef b(): ...", "this cell defines a and b"),
        (f"%node --writes if\n{DRAFT}", "'if' is a reserved word"),
    ],
)
def test_a_wrong_line_magic_fails_its_cell(notebook: Notebook, cell: str, sentence: str) -> None:
    assert sentence in notebook.refuse(cell)
    assert not notebook.shell.last_execution_succeeded
    assert not notebook["essay"].nodes


BAD_CELLS = [
    ("%%node", "this %%node cell is empty; write a def below it."),
    ("%%edges\n\n  \n", "this %%edges cell is empty; write edges below it, such as `START -> draft -> END`."),
    ("%%human gate", "this %%human cell is empty; write the question below it."),
    ("%%state", "this %%state cell is empty; write a class with annotated fields below it."),
    ("%edge", "%edge needs an edge, such as `%edge draft -> critique`."),
    ("# why\n%%human gate\nOk?", "%%human has to be the first line of its cell; move the comment below it."),
    ("x = 1\n%%node\ndef a(): ...", "%%node has to be the first line of its cell; give what stands above it a cell"),
    ("%edge a -> b if ok?", "`?` is no part of an edge; `%edge?` alone shows help."),
    ("%%node --wrties text\ndef a(): ...", "%%node has no option '--wrties'; did you mean '--writes'?"),
    ("%%node --retry three\ndef a(): ...", "--retry takes a whole number, 1 or more"),
    ("%%node --retry-on Tiemout\ndef draft(t): ...", "the notebook knows no 'Tiemout'"),
    ("%%node --on essay\ndef draft(t): ...", "--on takes thread, process or an executor"),
    ("%%node --version 2\ndef draft(t): ...", "draft: a version is that of the cache; add cache=True (--cache)."),
    ("%%node --on process\nasync def draft(t): ...", "draft is async and so runs on the run's own loop"),
    ("%%node\ndef draft(t): ...\ndraft = 3", "a node is a function made by def or async def, not 3."),
    ("%%human gate --timeout 2h\nOk?", "a deadline needs the option that is the answer then: `2h=reject`"),
    ("%%human gate --timeout 2h=approve --form int\nOk?", "let it mean reject"),
    ("%graph resume nowhere", "the store holds no run 'nowhere'"),
    ("%graph delete nowhere", "the store holds no run 'nowhere'"),
    ("%graph runs nowhere", "'nowhere' is no graph of this notebook, nor has one of that name stored runs"),
    ("%graph prune", "%graph prune needs to know what stays: --keep 100, --older-than 30d, or both."),
    ("%graph import nowhere.nbrun", "nowhere.nbrun cannot be read"),
    ("%%human gate --form Ratin\nOk?", "the notebook knows no 'Ratin'"),
    ("%subgraph", "%subgraph needs the name of a graph, such as `%subgraph research`."),
    ("%subgraph reserch", "'reserch' is no graph of this notebook"),
    ("%subgraph essay", "essay would run within itself"),
    ("%subgraph essay?x", "'essay?x' cannot name a graph"),
    ("%%agent\nWrite.", "%%agent needs a name, such as `%%agent writer`."),
    ("%%agent writer\n", "this %%agent cell is empty; write the prompt below it."),
    ("%%agent writer\nAbout\n{{ topic }", "line 3: "),
    ("%%agent writer --tool search\nWrite.", "%%agent has no option '--tool'; did you mean '--tools'?"),
    ("%%agent writer --temperature hot\nWrite.", "--temperature takes a number, as `--temperature 0.7`; not 'hot'."),
    ("%%agent writer --temperature 3\nWrite.", "writer: temperature is a number from 0 to 2, not 3.0."),
    ("%%agent writer --turns 0\nWrite.", "--turns takes a whole number, 1 or more"),
    ("%%agent writer --output Verdct\nWrite.", "the notebook knows no 'Verdct'"),
    ("%%agent writer --tools a-b\nWrite.", "'a-b' cannot name a tool"),
    ("%%agent writer --approve delete\nWrite.", "writer has no tool 'delete' to approve; it has none."),
    ("%%agent writer --handoffs END\nWrite.", "'END' is a reserved word and cannot name a node"),
    ("%%agent writer --history a,b\nWrite.", "'a,b' cannot name a key"),
    ("%%agent writer\nsystem: Be brief.", "writer has a system: part and nothing to answer"),
    ("%%node\ndef START(topic): ...", "'START' is a reserved word and cannot name a node"),
    ("%%node\ndef a(max): ...", "'max' is a reserved word and cannot name a key"),
    ("%%node\ndef a(*topics): ...", "a takes *topics, but a node names each key that it reads"),
    ("%%node\ndef a(t): ...\ndef b(t): ...", "this cell defines a and b, and no other def uses them"),
    ("%%node\ndef essay(topic): ...", "'essay' is a graph of this notebook, which this cell would replace"),
    ("%%node\nx = 1", "this cell holds no def; write one, such as `def draft(topic):`."),
    ("%%node\ndef a(t: ...", "line 2: Python cannot read this"),
    ("%%node\ndef a(t):\n    return 1\n  x = 2", "line 4: Python cannot read this: unindent does not match"),
    ("%%node\nreturn 1", "line 2: Python cannot read this: 'return' outside function."),
    ("%%edges\nSTART -> draft\ndraft -> -> END", "line 3: after `->` comes the name of a node"),
    ("%%edges\ndraft -> END if 9**9**9", "line 2: `**` cannot stand in a condition"),
    ("%%edges\ndraft -> END if text.__class__", "line 2: a condition reads no name that starts with _"),
    ("%%edges\ndraft -> nowhere on eror", "`on` goes on with `error`"),
    ("%%state\ntopic: str", "this cell holds no class; write one, such as `class State:`."),
    ("%%state\nclass Keys:\n    topic = 'x'", "Keys.topic has no annotation"),
    ("%%state\nclass Keys:\n    topic: str\nKeys = 3", "the keys are declared by a class, not by 3."),
    ("%%human START\nOk?", "'START' is a reserved word and cannot name a node"),
    ("%graph drop drft", "essay has no node 'drft'; did you mean 'draft'?"),
    ("%graph chek", "%graph does not know 'chek'; did you mean 'check'?"),
]


@pytest.mark.parametrize(("cell", "sentence"), BAD_CELLS)
def test_a_mistake_is_one_sentence_and_nothing_is_lost(notebook: Notebook, cell: str, sentence: str) -> None:
    complete(notebook, Door("magic"))
    revision = notebook["essay"].revision
    assert sentence in notebook.refuse(cell)
    assert notebook["essay"].revision == revision
    assert notebook.run("print(essay.run(topic='bees').result()['text'])").lines == ["bees"]


@pytest.mark.parametrize(
    ("edges", "sentence"),
    [
        ("START -> draft -> nowhere -> END", "the node nowhere is not written yet"),
        ("draft -> critique -> draft", "so none is the start; add START -> draft"),
        ("START -> draft; draft -> critique if text", "else"),
        ("START -> draft -> critique; draft -> END if text", "always"),
    ],
)
def test_a_graph_that_cannot_run_says_why(notebook: Notebook, edges: str, sentence: str) -> None:
    notebook.run(f"%%node\n{DRAFT}")
    notebook.run("%%node\ndef critique(text): ...")
    notebook.run(f"%%edges\n{edges}")
    text = notebook.refuse("essay.run(topic='bees')")
    assert "GraphError: essay cannot run yet:" in text
    assert sentence in text


def test_an_unknown_key_is_found_when_its_cell_is_checked(notebook: Notebook) -> None:
    complete(notebook, Door("magic"))
    notebook.run("%%edges\nSTART -> draft\ndraft -> END if txet == ''\ndraft -> draft else", "e1")
    text = notebook.run("%graph check").text
    assert "reads 'txet', which nothing writes" in text
    assert "did you mean 'text'" in text


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("essay.run(topik='bees')", "essay has no input 'topik'; did you mean 'topic'?"),
        ("essay.run()", "essay needs the input topic: essay.run(topic=...)."),
    ],
)
def test_a_wrong_input_names_it_and_the_line_that_gave_it(notebook: Notebook, call: str, sentence: str) -> None:
    complete(notebook, Door("magic"))
    ran = notebook.execute(f"x = 1\nrun = {call}")
    assert isinstance(ran.error, InputError)
    assert sentence in ran.text
    assert ran.lines[-1] == f"Cell In[5], line 2: run = {call}"


def test_a_value_that_does_not_fit_writes_names_node_and_keys(notebook: Notebook, door: Door) -> None:
    notebook.run(door.node("def draft(topic):\n    return {'text': topic}", writes="text,title"))
    notebook.run(door.edges("START -> draft -> END"))
    ran = notebook.execute("essay.run(topic='bees').result()")
    assert isinstance(ran.error, UpdateError)
    assert (
        "draft writes text, title and so returns a dict with just those keys; it returned a dict with 'text'"
        in ran.text
    )


def test_a_mistake_in_a_method_shows_the_line_of_the_cell(notebook: Notebook) -> None:
    text = notebook.refuse("text = 'a -> -> b'\nessay.edges(text)")
    assert "a -> -> b" in text
    assert text.strip().endswith("Cell In[3], line 2: essay.edges(text)")


def research(notebook: Notebook) -> None:
    """Declare the graph `research`, which reads `question` and writes `notes`; `essay` stays the current one."""
    notebook.run("%graph new research")
    notebook.run("%%node\ndef search(question):\n    return {'notes': question + '!', 'score': 7}")
    notebook.run("%edge START -> search -> END")
    notebook.run("%graph use essay")


def test_a_graph_becomes_a_node_with_our_keys(notebook: Notebook) -> None:
    research(notebook)
    ran = notebook.run("%subgraph research --reads question=topic --writes findings=notes --limit 50 --retry 2")
    assert ran.lines == ["research(topic) -> findings"]
    node = notebook["essay"].nodes["research"]
    assert (node.inner, node.policy.attempts, node.body.limit) == (notebook["research"], 2, 50)
    notebook.run("%edge START -> research -> END")
    assert notebook.run("print(essay.run(topic='bees').result())").lines == ["{'topic': 'bees', 'findings': 'bees!'}"]


def test_a_graph_becomes_several_nodes_by_other_names(notebook: Notebook) -> None:
    research(notebook)
    notebook.run("%subgraph research --name first\n%subgraph research --name second", "c1")
    assert list(notebook["essay"].nodes) == ["first", "second"]
    ran = notebook.run("%subgraph research --name first", "c1")
    assert ran.lines == ["first(question) -> notes, score", "second is no longer declared"]


def test_both_doors_declare_the_same_subgraph(notebook: Notebook) -> None:
    research(notebook)
    notebook.run("%subgraph research --reads question=topic --writes findings=notes,score --name one")
    notebook.run("pairs = {'findings': 'notes', 'score': 'score'}")
    notebook.run("essay.node(research, name='two', reads={'question': 'topic'}, writes=pairs)")
    one, two = notebook["essay"].nodes.values()
    assert (one.reads, one.writes, one.inner) == (two.reads, two.writes, two.inner)


def test_a_misspelt_key_of_a_subgraph_is_refused(notebook: Notebook) -> None:
    research(notebook)
    assert "research reads no key 'qestion'; did you mean 'question'?" in notebook.refuse(
        "%subgraph research --reads qestion=topic"
    )


def test_forget_forgets_the_results_of_subgraphs_too(notebook: Notebook) -> None:
    notebook.run("%graph new research")
    notebook.run("%%node --cache\ndef search(topic):\n    return {'notes': topic}")
    notebook.run("%edge START -> search -> END")
    notebook.run("%graph use essay\n%edge START -> research -> END")
    notebook.run("essay.run(topic='bees').result()")
    assert notebook.run("%graph forget").lines == ["forgot 1 cached result of essay"]


@pytest.mark.parametrize("edges", ["%%edges\ndraft -> check", "%edge draft -> check"])
def test_without_cell_ids_edges_say_what_they_replace(notebook: Notebook, edges: str) -> None:
    notebook.run("%%edges\nSTART -> draft\ndraft -> END if text; draft -> draft else")
    assert "replaced 2 statements of an earlier cell" in notebook.run(edges).lines
    assert "replaced 1 statement of an earlier cell" in notebook.run(edges).lines


def test_edges_that_replace_nothing_say_nothing(notebook: Notebook) -> None:
    notebook.run("%edge START -> draft")
    assert notebook.run("%edge draft -> END\n%edge draft -> draft").lines == ["draft -> END", "draft -> draft"]


def test_with_cell_ids_a_cell_that_is_run_again_replaces_in_silence(notebook: Notebook) -> None:
    notebook.run("%edge START -> draft", "c1")
    assert notebook.run("%edge START -> draft", "c1").lines == ["START -> draft"]


MAGICS = {
    "node": "%%node?",
    "subgraph": "%subgraph?",
    "edges": "%%edges?",
    "edge": "%edge?",
    "human": "%%human?",
    "state": "%%state?",
    "graph": "%graph?",
}


def test_every_magic_is_listed_here_for_its_help(notebook: Notebook) -> None:
    registered = notebook.shell.magics_manager.registry["GraphMagics"].magics
    assert {name for kind in registered.values() for name in kind} == {*MAGICS, "agent"}


@pytest.mark.parametrize("name", MAGICS)
def test_every_example_of_the_help_runs(notebook: Notebook, name: str) -> None:
    kind = "cell" if MAGICS[name].startswith("%%") else "line"
    text = notebook.shell.magics_manager.magics[kind][name].__doc__ or ""
    shown = re.split(r"\n(?=\S)", text.partition("Examples, each a cell:\n")[2])[0]
    examples = re.split(r"\n\n(?=    %)", shown.strip("\n"))
    assert len(examples[0]) > 10
    for example in examples:
        notebook.run(re.sub(r"^ {4}", "", example, flags=re.MULTILINE))


@pytest.mark.parametrize("name", MAGICS)
def test_a_question_mark_shows_help_with_examples(notebook: Notebook, name: str) -> None:
    shown = notebook.run(MAGICS[name]).text
    assert "Examples, each a cell:" in shown
    assert not notebook["essay"].names()


def test_unloading_takes_everything_back(notebook: Notebook) -> None:
    notebook.run("%unload_ext nbgraph")
    assert "not found" in notebook.execute("%%node\ndef a(): ...").text
    assert "nbgraph" not in "".join(map(str, notebook.shell.input_transformers_cleanup))
    notebook.run("%load_ext nbgraph\n%load_ext nbgraph\n%reload_ext nbgraph")
    notebook.run(f"%graph use essay\n%node\n{DRAFT}")


@pytest.mark.parametrize("cell", ["%%node", "%%node\ndef draft(topic):", "%%edges --graph essay"])
def test_a_terminal_lets_a_cell_magic_be_gone_on_with(notebook: Notebook, cell: str) -> None:
    assert notebook.shell.check_complete(cell)[0] == "incomplete"


def test_a_def_that_is_gone_when_the_cell_ends_is_refused(notebook: Notebook) -> None:
    assert "a node is a function" in notebook.refuse(f"%node\n{DRAFT}\ndel draft")
