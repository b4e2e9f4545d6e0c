"""Text from names, labels, values and questions stays text: nothing of it runs, and nothing leaves the page."""

from __future__ import annotations

import pytest
from jupyterlab_page import NotebookPage
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
