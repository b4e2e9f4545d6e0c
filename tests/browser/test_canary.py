"""Text from names, labels, values and questions stays text: nothing of it runs, and nothing leaves the page."""

from __future__ import annotations

import nbformat
import pytest
from jupyterlab_page import NotebookPage
from nbconvert import HTMLExporter
from playwright.sync_api import expect
from stories import LOAD

pytestmark = pytest.mark.slow

IMAGE = "<img src=x onerror='window.__canary=1'>"
CANARY = " ".join(
    [
        IMAGE,
        "<script>window.__canary=1</script>",
        "<svg onload='window.__canary=1'></svg>",
        "<a href='javascript:window.__canary=1'>a</a>",
        "[link](javascript:window.__canary=1)",
        "![picture](http://canary.invalid/picture.png)",
        "<img src=http://canary.invalid/image.png>",
        "$$\\href{javascript:window.__canary=1}{x}$$",
        "&lt;img src=http://canary.invalid/entity.png&gt; </text></svg>" + IMAGE,
    ]
)
CELLS = [
    LOAD + f"CANARY = {CANARY!r}",
    "%graph new canary",
    f'%%edges\nSTART -> show -> gate\ngate -> bad if gate == "{IMAGE}"\ngate -> END else\nbad -> END',
    f'''
%%node
def show(topic):
    """{IMAGE}"""
    print(CANARY)
    return {{"text": CANARY + "{{{{ text }}}}", "wide": {{CANARY: [CANARY]}}}}
''',
    f"canary.human('gate', CANARY + ' {{{{ text }}}} ', show=['wide'], options=[{IMAGE!r}, 'reject'], edit=['text']);",
    "%%node\ndef bad(text):\n    raise ValueError(text)",
    "%graph show",
    "run = canary.run(topic=CANARY)",
    "try:\n    canary.node(note, name=CANARY)\nexcept Exception as refused:\n    print(refused)",
]
RUN = 7


def assert_silent(lab: NotebookPage) -> None:
    lab.page.wait_for_timeout(500)
    assert lab.page.evaluate("typeof window.__canary") == "undefined"
    assert lab.page.locator(".jp-Notebook .jp-OutputArea a[href^='javascript']").count() == 0
    assert lab.page.locator(".jp-Notebook .jp-OutputArea :is([onerror], [onload], script)").count() == 0
    assert lab.foreign == []


def test_a_canary_stays_silent_live_saved_and_reopened(lab: NotebookPage) -> None:
    lab.write("canary.ipynb", *CELLS)
    lab.open("canary.ipynb")
    lab.run_all()
    lab.wait_for_state(RUN, "gate", "waiting")
    lab.node(RUN, "show").click()
    lab.cell(RUN).locator(".nbgraph-panel").get_by_text("onerror").first.wait_for()
    lab.cell(RUN).locator(".nbgraph-steps summary").click()
    lab.option(RUN).scroll_into_view_if_needed()
    lab.picture("asked")
    assert_silent(lab)
    lab.cell(RUN).get_by_placeholder("a note").fill(CANARY)
    lab.option(RUN).click()
    lab.wait_for_state(RUN, "bad", "failed")
    lab.node(RUN, "bad").click()
    lab.picture("failed")
    assert_silent(lab)
    lab.save()
    lab.copy_untrusted("canary.ipynb", "reopened.ipynb")
    lab.shut_down()
    lab.load_without_kernel("reopened.ipynb")
    lab.cell(RUN).locator("img").wait_for()
    lab.cell(RUN).locator("img").scroll_into_view_if_needed()
    lab.picture("reopened")
    assert_silent(lab)


# The dashboard, a model that writes it, names of files, lists, and what is exported

NAME = "<img src=x onerror='window.__canary=1'>.ipynb"
KEY = "<b onmouseover='window.__canary=1'>"
MODEL = f"""
from nbgraph.testing import ScriptedModel, calls, drips, says
CANARY, KEY = {CANARY!r}, {KEY!r}
def look(at: str) -> str:
    return CANARY
model = ScriptedModel([says(CANARY, calls("look", at=CANARY)), drips(CANARY, every=0.001)]).use()
"""
TALKS = [
    LOAD + MODEL,
    "%graph new talks",
    f"""%%edges
START -> ops -> work each rows as row
work -> ops if topic == "{IMAGE}" max 3
work -> gate else
gate -> END""",
    "%%agent ops --tools look\n{{ topic }}",
    "%%node\ndef work(row, ops):\n    print(CANARY)\n    return {'found': {KEY: [CANARY]}, 'rows_left': CANARY}",
    "talks.human('gate', CANARY, show=['found'], edit=['rows_left']);",
    "run = talks.run(topic=CANARY, rows=[CANARY, CANARY])",
    "%graph approvals",
    "%graph runs",
    "print(run.fork(1, ops=CANARY).id)",
]
TALK = 6


def test_a_canary_stays_silent_in_every_part_of_the_dashboard_and_in_the_export(lab: NotebookPage) -> None:
    lab.write(NAME, *TALKS)
    lab.open(NAME)
    lab.run_all()
    lab.wait_for_state(TALK, "gate", "waiting")
    dashboard = lab.cell(TALK).locator(".nbgraph-graph")
    for name in ("ops", "work", "gate"):
        lab.node(TALK, name).click()
        expect(dashboard.locator(".nbgraph-panel")).to_have_attribute("aria-label", f"details of {name}")
        for tab in dashboard.get_by_role("tab").all():
            if tab.is_enabled() and tab.get_attribute("aria-disabled") != "true":
                tab.click()
        lab.picture(f"inspected {name}", TALK)
    dashboard.locator("details").evaluate_all("all => all.forEach((each) => { each.open = true; })")
    for edge in dashboard.locator(".nbgraph-edge").all():
        edge.dispatch_event("pointerover")
    dashboard.get_by_role("slider", name="step").fill("1")
    expect(dashboard.locator(".nbgraph-at-step")).to_contain_text("as it stood")
    assert_silent(lab)
    lab.picture("lists", TALK + 1)
    lab.save()
    lab.shut_down()
    html, _ = HTMLExporter().from_notebook_node(nbformat.read(lab.folder / NAME, as_version=4))
    file = lab.folder / "exported.html"
    file.write_text(html, encoding="utf-8")
    left: list[str] = []
    lab.page.on("request", lambda request: left.append(request.url) if "canary" in request.url else None)
    lab.page.route("http*://**", lambda route: route.abort())  # what nbconvert itself would load is not here
    lab.page.goto(file.as_uri())
    lab.page.locator(".nbgraph-record img").first.wait_for()
    lab.page.wait_for_timeout(500)
    assert lab.page.evaluate("typeof window.__canary") == "undefined"
    assert lab.page.locator(".nbgraph-record :is([onerror], [onload], [onmouseover], script)").count() == 0
    assert left == []
    lab.picture("exported")
