"""A front end without a page: runs cells in a real kernel and sorts what comes back by the cell it belongs to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

Message = dict[str, Any]


class FrontEnd:
    """Cells are named by what `start` gives; `messages` holds all that was published, in order."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.messages: list[Message] = []

    def start(self, code: str, watched: bool = True) -> str:
        """Run a cell and return at once; `watched` says that somebody could type."""
        return str(self.client.execute(code, allow_stdin=watched))

    def run(self, code: str, watched: bool = True) -> str:
        """Run a cell that has to succeed, to its end."""
        cell = self.start(code, watched)
        self.wait(lambda: any(each["content"]["execution_state"] == "idle" for each in self.of(cell, "status")))
        errors = [each["content"]["evalue"] for each in self.of(cell, "error")]
        assert not errors, errors
        return cell

    def wait(self, reached: Callable[[], Any], seconds: float = 20) -> None:
        """Take in messages until something is the case."""
        until = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < until, "not reached in time"
            self._take(0.2)

    def settle(self, seconds: float = 0.4) -> None:
        """Take in what comes within some time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._take(0.1)

    def of(self, cell: str, kind: str) -> list[Message]:
        """The messages of a kind that belong to a cell."""
        return [
            each for each in self.messages if each["parent_header"].get("msg_id") == cell and each["msg_type"] == kind
        ]

    def text(self, cell: str) -> str:
        """What stands below a cell as plain streams."""
        return "".join(each["content"]["text"] for each in self.of(cell, "stream"))

    def _take(self, seconds: float) -> None:
        with suppress(Empty):
            self.messages.append(self.client.get_iopub_msg(timeout=seconds))


@contextmanager
def started() -> Iterator[FrontEnd]:
    """A fresh kernel."""
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield FrontEnd(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
