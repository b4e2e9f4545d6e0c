"""Clicks that arrive while a cell is busy."""

from __future__ import annotations

from types import SimpleNamespace

from nbgraph.notebook.comms import arrive_while_awaiting, deliver_while_busy


class Comm:
    """As in ipykernel 7.4."""

    def _reply_subshell_for(self, data: object, default: str) -> str:
        return "the cell's own thread"


def test_the_choice_of_thread_is_left_to_the_front_end() -> None:
    comm = Comm()
    deliver_while_busy([SimpleNamespace(comm=comm)])
    assert comm._reply_subshell_for is None


def test_a_comm_of_another_kernel_is_left_alone() -> None:
    comm = SimpleNamespace()
    deliver_while_busy([SimpleNamespace(comm=comm), SimpleNamespace(comm=None), SimpleNamespace()])
    assert vars(comm) == {}


def test_clicks_arrive_at_an_awaiting_cell_where_there_are_subshells() -> None:
    assert arrive_while_awaiting(SimpleNamespace(_supports_kernel_subshells=True))
    assert not arrive_while_awaiting(SimpleNamespace())
