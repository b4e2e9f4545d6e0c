"""Messages between page and kernel: what makes clicks arrive while a cell is busy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ROUTE = "_reply_subshell_for"


def deliver_while_busy(widgets: Iterable[Any]) -> None:
    """Let messages of these widgets arrive on the front end's subshell thread, also while a cell is busy.

    Since ipykernel 7.4 a private method of each comm sends replies to the thread that last wrote on that comm. Our
    engine writes on behalf of a cell, so a click would wait for the main thread. Without the method the front end's
    own choice stands, as before 7.4. Where a comm has no such method nothing is changed.
    """
    for widget in widgets:
        comm = getattr(widget, "comm", None)
        if comm is not None and hasattr(comm, ROUTE):
            setattr(comm, ROUTE, None)


def arrive_while_awaiting(kernel: Any) -> bool:
    """Whether a click is delivered while a cell awaits: the kernel has subshells to deliver it on."""
    return bool(getattr(kernel, "_supports_kernel_subshells", False))
