import ipywidgets
import pytest

from nbgraph.view.batch_table import ShownBatch, ShownRow
from nbgraph.view.batch_widget import STYLE, BatchWidget
from tests.view.stories import HOSTILE
from tests.view.test_batch_table import Cells


def batch(**counts):
    return ShownBatch("essay", counts, [ShownRow("0", next(iter(counts), "done"), {"topic": "'bees'"}, {})])


def shown(**counts):
    widget = BatchWidget(batch(queued=sum(counts.values())), lambda action: None)
    widget.show(batch(**counts), 12.0)
    return widget


def everything(widget):
    return [widget, *(one for child in getattr(widget, "children", ()) for one in everything(child))]


def test_the_bar_counts_what_has_ended_and_the_sentence_tells_the_rest():
    widget = shown(done=3, failed=1, waiting=2, running=4)
    assert (widget.bar.value, widget.bar.max) == (4, 10)
    assert "4 of 10 · 3 done, 1 failed, 2 waiting, 4 running · 12 s" in widget.count.value


def test_while_it_goes_the_rate_is_told_and_the_time_that_is_left():
    assert "· 12 s · 15/min · about 36 s left" in shown(done=3, running=4, queued=5).count.value
    assert "left" not in shown(done=11, waiting=1).count.value


@pytest.mark.parametrize(
    ("counts", "style"),
    [
        ({"done": 1, "running": 1}, ""),
        ({"done": 2}, "success"),
        ({"done": 1, "waiting": 1}, "warning"),
        ({"done": 1, "paused": 1}, "warning"),
        ({"done": 1, "failed": 1, "waiting": 1}, "danger"),
        ({"done": 1, "cancelled": 1}, ""),
    ],
)
def test_the_bar_has_the_colour_of_what_matters_most(counts, style):
    assert shown(**counts).bar.bar_style == style


@pytest.mark.parametrize(
    ("counts", "cancel", "resume"),
    [
        ({"running": 1}, True, False),
        ({"queued": 1}, True, False),
        ({"waiting": 1}, True, False),
        ({"paused": 1}, True, True),
        ({"failed": 1}, False, True),
        ({"failed": 1, "running": 1}, True, True),
        ({"done": 1, "cancelled": 1}, False, False),
    ],
)
def test_a_button_can_be_clicked_where_it_does_something(counts, cancel, resume):
    widget = shown(**counts)
    assert (not widget.cancel.disabled, not widget.resume.disabled) == (cancel, resume)


def test_a_click_tells_what_is_wanted():
    wanted = []
    widget = BatchWidget(batch(failed=1, running=1), wanted.append)
    widget.cancel.click()
    widget.resume.click()
    assert wanted == ["cancel", "resume"]
    assert widget.message.value == ""


def test_what_is_refused_is_shown_until_the_next_click():
    refusals = [RuntimeError("no <b>row</b> has failed"), None]

    def act(action):
        if error := refusals.pop(0):
            raise error

    widget = BatchWidget(batch(failed=1), act)
    widget.resume.click()
    assert "no &lt;b&gt;row&lt;/b&gt; has failed" in widget.message.value
    widget.resume.click()
    assert widget.message.value == ""


def test_it_is_read_aloud_when_it_is_at_rest():
    assert 'role="status"' in shown(done=1).count.value
    assert 'role="status"' not in shown(done=1, running=1).count.value


def test_what_has_not_changed_is_not_sent():
    widget, sent = shown(done=1, running=1), []
    for one in everything(widget):
        one.observe(sent.append)
    widget.show(batch(done=1, running=1), 12.0)
    assert sent == []


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_shown_unescaped(text):
    rows = [ShownRow(text, text, {text: text}, {text: text}, text)]
    widget = BatchWidget(ShownBatch(text, {text: 1}, rows), lambda action: None)
    markup = "".join(one.value for one in everything(widget) if isinstance(one, ipywidgets.HTML)).replace(STYLE, "")
    assert Cells(markup).tags <= {"strong", "span", "div", "table", "thead", "tbody", "tr", "th", "td"}
    assert not any(getattr(one, "description_allow_html", False) for one in everything(widget))


def test_interactive_names_every_widget_that_hears_the_page():
    widget = shown(done=1)
    assert set(widget.interactive) == {one for one in everything(widget) if isinstance(one, ipywidgets.Button)}


def test_its_text_is_always_the_same():
    assert repr(shown(done=1)) == repr(shown(running=1)) == "<live view of the batch essay>"


def test_a_batch_of_no_rows_can_be_shown():
    widget = BatchWidget(ShownBatch("essay", {}, []), lambda action: None)
    assert "0 of 0 · no rows" in widget.count.value
