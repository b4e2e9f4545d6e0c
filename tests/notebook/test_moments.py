"""A moment of a run in a cell: the record of the run as it stood then."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

from nbgraph.notebook import moments
from tests.core.running import ONE_TWO, graph, one, two


def test_a_moment_shows_the_run_as_it_stood() -> None:
    run = graph(ONE_TWO, one, two).run().wait()
    shown = moments.html(run.at(1))
    assert "as it stood after step 1" in shown
    assert "one done, two active" in shown


def test_a_cell_that_ends_in_a_moment_shows_it() -> None:
    shell = InteractiveShell()
    moments.install(shell)
    data, _ = shell.display_formatter.format(graph(ONE_TWO, one, two).run().wait().at(1))
    assert "as it stood after step 1" in data["text/html"]
    assert "two#1 to run" in data["text/plain"]
    moments.uninstall(shell)
    assert "text/html" not in shell.display_formatter.format(graph(ONE_TWO, one, two).run().wait().at(1))[0]
