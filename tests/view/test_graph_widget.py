import pytest

from nbgraph.view.graph_widget import GraphWidget
from nbgraph.view.scripts import packed
from tests.view.stories import ESSAY, LOOP, TO_THE_GATE, folded
from tests.view.trips import TRIP


@pytest.fixture
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(GraphWidget, "send", lambda self, content, buffers=None: messages.append(content))
    return messages


def hear(widget: GraphWidget, **content: object) -> None:
    widget._handle_custom_msg(content, [])


def test_a_picture_without_a_run_has_no_buttons():
    assert not GraphWidget(ESSAY).actions
    assert GraphWidget(ESSAY, print).actions


def test_the_script_brings_its_styles_with_it_and_is_small():
    esm = str(GraphWidget(ESSAY)._esm)
    assert esm == packed("graph")
    assert len(esm) < 60_000
    assert "_css" not in GraphWidget(ESSAY).get_state()


def test_a_changed_graph_is_drawn_again_and_the_same_is_not():
    widget, drawn = GraphWidget(ESSAY), []
    widget.observe(drawn.append, "drawing")
    widget.show(ESSAY._replace(notes=ESSAY.notes))
    assert drawn == []
    widget.show(ESSAY._replace(undefined=2))
    assert widget.drawing["undefined"] == 2
    assert len(drawn) == 1


def test_changes_go_out_as_a_small_message_and_a_later_page_begins_with_them(sent):
    progress = folded(LOOP)
    widget = GraphWidget(ESSAY, print)
    widget.send_status(progress.snapshot())
    progress.changes()
    for event in TO_THE_GATE[len(LOOP) :]:
        progress.apply(event)
    synced = []
    widget.observe(synced.append, "status")
    widget.send_changes(progress.changes())
    assert [message["kind"] for message in sent] == ["changes"]
    assert synced == []
    assert widget.get_state("status")["status"] == progress.snapshot()


def test_nothing_changed_is_not_sent(sent):
    GraphWidget(ESSAY).send_changes({})
    assert sent == []


def test_a_selected_node_is_answered_with_its_details(sent):
    answers = {"node": lambda asked: folded(LOOP).details(asked["node"])}
    hear(GraphWidget(ESSAY, answers=answers), kind="ask", what="node", number=1, node="draft")
    assert (sent[0]["kind"], sent[0]["number"]) == ("told", 1)
    assert sent[0]["code"].startswith("def draft")
    assert sent[0]["log"] == "thinking about bees\n"


def test_without_a_run_a_selected_node_shows_its_code(sent):
    hear(GraphWidget(ESSAY), kind="ask", what="node", number=1, node="draft")
    assert sent[0]["code"].startswith("def draft")


def test_buttons_reach_the_run():
    done = []
    widget = GraphWidget(ESSAY, done.append)
    for action in ("pause", "resume", "next", "cancel", "explode"):
        hear(widget, kind="act", action=action)
    assert done == ["pause", "resume", "next", "cancel"]


def test_breakpoints_reach_the_run():
    put = []
    widget = GraphWidget(ESSAY, print, lambda *where: put.append(where))
    for when in ("before", "after", None, "never", 1):
        hear(widget, kind="break", node="draft", when=when)
    assert put == [("draft", "before"), ("draft", "after"), ("draft", None)]


def test_the_picture_turns_as_it_is_asked_and_stays_so():
    widget = GraphWidget(ESSAY)
    assert widget.drawing["direction"] == "LR"
    for direction in ("TB", "across", 1):
        hear(widget, kind="turn", direction=direction)
    assert widget.drawing["direction"] == "TB"
    widget.show(ESSAY._replace(undefined=2))
    assert widget.drawing["direction"] == "TB"


def test_the_picture_is_given_in_other_forms(sent):
    widget = GraphWidget(TRIP)
    hear(widget, kind="turn", direction="TB")
    for number, form in enumerate(("dot", "mermaid", "pdf"), 1):
        hear(widget, kind="ask", what="export", number=number, form=form)
    assert "rankdir=TB" in sent[0]["text"]
    assert "cluster_n2" in sent[0]["text"]
    assert sent[1]["text"].startswith("flowchart TB\n")
    assert sent[2]["kind"] == "refused"


def test_a_drawing_tells_the_edges_and_which_node_is_in_which_subgraph():
    drawing = GraphWidget(TRIP).drawing
    assert drawing["edges"][:3] == [[0, 1], [1, 2], [2, 3]]
    assert [node["cluster"] for node in drawing["nodes"]][4:8] == ["", "research", "research", "research"]


def opened(widget: GraphWidget) -> set[str]:
    return {node["name"] for node in widget.drawing["nodes"] if node["open"]}


def test_a_subgraph_is_opened_and_closed():
    widget = GraphWidget(TRIP)
    assert opened(widget) == {"research", "research/deep"}
    hear(widget, kind="toggle", node="research", open=False)
    assert opened(widget) == set()
    hear(widget, kind="toggle", node="research", open=True)
    assert opened(widget) == {"research", "research/deep"}


def test_what_was_chosen_stays_when_the_graph_is_drawn_again():
    widget = GraphWidget(TRIP)
    hear(widget, kind="toggle", node="research/deep", open=False)
    widget.show(TRIP._replace(undefined=1))
    assert opened(widget) == {"research"}


def test_a_picture_is_changed_where_all_its_changes_are_made():
    calls = []
    widget = GraphWidget(TRIP, print, later=calls.append)
    hear(widget, kind="toggle", node="research", open=False)
    assert opened(widget) == {"research", "research/deep"}
    calls.pop()()
    assert opened(widget) == set()


def test_a_drawing_that_is_out_of_date_is_not_shown():
    calls = []
    widget = GraphWidget(TRIP, print, later=calls.append)
    hear(widget, kind="toggle", node="research", open=False)
    widget.show(ESSAY)
    first, second = calls
    second()
    first()
    assert widget.drawing["name"] == "essay"


UNKNOWN = [
    *({"kind": kind, "node": "nobody", "open": True, "when": None} for kind in ("ask", "toggle", "break")),
    *({"kind": kind} for kind in ("ask", "toggle", "break", "act", 1)),
    {"kind": "toggle", "node": "draft", "open": "yes"},
    {},
]


@pytest.mark.parametrize("content", UNKNOWN)
def test_unknown_messages_are_passed_over(sent, content):
    widget, drawn = GraphWidget(ESSAY), []
    widget.observe(drawn.append, "drawing")
    hear(widget, **content)
    assert sent == drawn == []


def test_an_action_that_fails_is_told_in_one_sentence(sent):
    def refuse(action):
        raise RuntimeError("the run is over")

    hear(GraphWidget(ESSAY, refuse), kind="act", action="cancel")
    assert sent == [{"kind": "refused", "text": "the run is over"}]


def test_its_repr_is_stable():
    assert repr(GraphWidget(ESSAY)) == "<picture of essay>"
