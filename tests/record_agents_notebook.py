"""Records the cassette of notebooks/03_agents.ipynb anew: `python -m tests.record_agents_notebook`.

The cells of the notebook are run with nbgraph's own recorder against scripted models, over HTTP, which give the answers
that were written for the lesson and stand here. Whoever changes a prompt of the notebook runs this again.

Each section has a model of its own, whose calls of tools are numbered from 1, so that a section is recorded in the same
words whatever the others hold, and can be run again with other answers of its person.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbclient import NotebookClient

from nbgraph.testing import ScriptedModel, calls, fails

NOTEBOOK = "03_agents.ipynb"
CASSETTE = "03_agents.cassette.json"
FOLDER = Path(__file__).parents[1] / "notebooks"

RESEARCH = [
    calls(("search", {"word": "roof"}), ("search", {"word": "winter"})),
    calls(("read", {"title": "Hives on roofs"}), ("read", {"title": "The winter cluster"})),
    (
        "The hive is strapped down and its entrance turned from the wind; full, it weighs 60 kg and more [Hives on"
        " roofs]. The bees shiver in a cluster and need 15 to 20 kg of honey until spring [The winter cluster]."
    ),
    {
        "summary": "On a roof the hive is strapped down, with its entrance away from the wind, and the roof has to "
        "bear 60 kg and more. The bees keep warm in a cluster, on 15 to 20 kg of honey.",
        "gap": "What about mites?",
    },
    calls("search", word="mites"),
    calls("read", title="Mites in December"),
    "In December there is no brood, and one treatment with oxalic acid reaches nearly all mites [Mites in December].",
    {
        "summary": "On a roof the hive is strapped down, with its entrance away from the wind, and the roof has to "
        "bear 60 kg and more. The bees keep warm in a cluster, on 15 to 20 kg of honey. In December, when there is no "
        "brood, one treatment with oxalic acid reaches nearly all mites.",
        "gap": "",
    },
]

IN_EUROS = {
    "code": 'def price(cents):\n    return f"{cents / 100:.2f} €".replace(".", ",")\n',
    "message": "Prices are shown in euros, with a comma.",
}
WITH_POINTS = {
    "code": 'def price(cents):\n    euros = f"{cents / 100:,.2f} €"\n'
    '    return euros.translate(str.maketrans(",.", ".,"))\n',
    "message": "Thousands are told apart by points.",
}

SUPERVISOR = [
    {"value": "route"},
    (
        "We walk to the harbour at 8.30, take the ferry at 9.15 and are at the lighthouse at 10.30. The ferry back"
        " leaves at 14.00, and the children are at school again at 15.30."
    ),
    {"value": "meals"},
    "We have our packed breakfast on the ferry, and at 12 a picnic below the lighthouse, with bread, apples and water.",
    {"value": "safety"},
    (
        "Four adults come along, each with six children to count before and after the ferry. Nobody goes up the "
        "lighthouse or near the quay without one of them."
    ),
    {"value": "letter"},
    (
        "Dear parents, on the first of June class 4b goes by ferry to the lighthouse; we leave at 8.30 and are "
        "back at 15.30. Please give your child a packed breakfast and something to drink; the picnic at noon comes"
        " from us. Four adults look after six children each."
    ),
]

HANDOFF = [
    calls("transfer_to_workshop", reason="The brakes squeal and hardly hold; a child rides along."),
    (
        "Please do not ride on with your daughter: that sounds like worn pads. New ones are 18 € an axle, and if "
        "you bring the bike from Tuesday to Saturday, it is done on the same day."
    ),
    calls("transfer_to_workshop", reason="The customer asks for a new chain too, and for the price of both."),
    (
        "Pads on both axles are 36 € and the chain is 32 €, so 68 € with the work. Because of the chain it takes "
        "three days."
    ),
]

EVALUATOR = [
    (
        "The lunar phases result from the changing angle at which we see the half of the moon that the sun "
        "illuminates. They repeat every 29.5 days."
    ),
    {"score": 4, "advice": "Say it without lunar, phases and illuminates, and let the child try it with a ball."},
    (
        "The sun always lights one half of the moon, and we see that half now from the front, now from the side. "
        "Hold this ball into the lamp and walk around it: it is full, half and thin in turn."
    ),
    {"score": 9, "advice": "Nothing."},
]

TIDY = [
    calls("list_backups"),
    calls(("delete", {"name": "2026-09-06"}), ("delete", {"name": "2024-12-31"})),
]
APPROVAL = [
    *TIDY,
    (
        "I deleted the weekly backup of 6 September, which gives 45 GB. The yearly one stays for the auditors, so "
        "35 GB are still missing."
    ),
]

BUDGET = [
    (
        "Potato soup for 4: cook 800 g of potatoes, 2 carrots, 1 leek and 1 onion in 1 l of water with 2 teaspoons"
        " of salt for 25 minutes. Mash them, stir in 100 ml of cream, and fry the onion in oil to put on top."
    ),
    {"value": ["800 g potatoes", "2 carrots", "1 leek", "1 onion", "100 ml cream"]},
]

CHANGED = [
    "Fair winds and a following sea for your new year, dear aunt!",
    fails(404, "Nothing is written for the uncle: what the lesson shows there is that nothing is recorded."),
]


class Take(NamedTuple):
    """A section of the notebook as it is recorded once: what models say in it, and what its person says."""

    section: str
    replies: Sequence[Any]
    answers: Mapping[str, Sequence[Mapping[str, str]]] = {}


def tidying(first: str, second: str, said: str) -> Take:
    """The section on approvals, in which a person presses two buttons and says nothing."""
    pressed = [{"answer": first}, {"answer": second}]
    return Take("approval", [*TIDY, said], {"janitor.delete": pressed})


GIVEN = json.loads((FOLDER / "answers" / "03_agents.json").read_text(encoding="utf-8"))
TAKES = (
    Take("research", RESEARCH),
    Take("coding", [IN_EUROS, WITH_POINTS], GIVEN),
    Take("coding", [IN_EUROS, WITH_POINTS], {"review": [{"answer": "revise"}, {"answer": "approve"}]}),
    Take("supervisor", SUPERVISOR),
    Take("handoff", HANDOFF),
    Take("evaluator", EVALUATOR),
    Take("approval", APPROVAL, GIVEN),
    tidying("approve", "approve", "I deleted both old backups, which gives 85 GB: there is room enough."),
    tidying(
        "approve",
        "reject",
        "I deleted the weekly backup of 6 September, which gives 45 GB. You kept the yearly one, so 35 GB are still "
        "missing.",
    ),
    tidying(
        "reject",
        "approve",
        "I deleted the yearly backup of 2024, which gives 40 GB. You kept the weekly one, so 40 GB are still missing.",
    ),
    tidying("reject", "reject", "I deleted nothing, since you kept both old backups, so there is no room yet."),
    Take("budget", BUDGET),
    Take("changed", CHANGED),
)


def record(folder: Path) -> Path:
    """Make the cassette in an empty folder; returns its path."""
    with ExitStack() as stack:
        models = [stack.enter_context(ScriptedModel(take.replies)) for take in TAKES]
        cells = [cell for model, take in zip(models, TAKES, strict=True) for cell in _recorded(model, take)]
        run(cells, folder)
    for model, take in zip(models, TAKES, strict=True):
        asked, written = len(model.requests), len(take.replies)
        if asked != written:
            raise SystemExit(f"{take.section} asked {asked} times, and {written} replies are written for it.")
    return folder / CASSETTE


def cells_of(*sections: str) -> list[str]:
    """The code cells of some sections of the notebook, or of all."""
    notebook = nbformat.read(FOLDER / NOTEBOOK, 4)
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and (not sections or cell.id.rpartition("-")[0] in sections)
    ]


def run(cells: Sequence[str], folder: Path) -> list[str]:
    """Run cells in a kernel that works in `folder`; what each of them printed or showed as text.

    Raises:
        CellExecutionError: one of them failed.
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    return [text_of(cell.outputs) for cell in notebook.cells]


def text_of(outputs: Sequence[Mapping[str, Any]]) -> str:
    """What a cell printed or showed, as text."""
    texts = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
    return "".join("".join(text) for text in texts)


def cells_with(take: Take, **environment: str) -> list[str]:
    """The cells of a section, after one that says what its person answers and what is in the environment."""
    answers = f"pathlib.Path('answers.json').write_text(json.dumps({take.answers!r}))"
    found = {**environment, "NBGRAPH_ANSWERS": "answers.json"}
    return [
        f"import json, os, pathlib\n{answers}\nos.environ.update({found!r})",
        *cells_of("model", take.section),
    ]


def _recorded(model: ScriptedModel, take: Take) -> list[str]:
    return cells_with(
        take,
        OPENAI_BASE_URL=model.url,
        OPENAI_API_KEY="scripted",
        NBGRAPH_MODEL="",
        NBGRAPH_CASSETTE="record",
    )


def main() -> None:
    """Put a new cassette beside the notebook."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(record(Path(folder)), FOLDER / CASSETTE)
    print(f"recorded {(FOLDER / CASSETTE).relative_to(FOLDER.parent)}")


if __name__ == "__main__":
    main()
