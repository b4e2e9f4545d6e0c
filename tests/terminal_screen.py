"""A pseudo-terminal for a script, and what a person would see in it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

PARTS = re.compile(r"\x1b\[([\d;]*)([A-Za-z])|\x1b\[\?\d+[hl]|(\r)|(\n)|([^\x1b\r\n]+)|\x1b")
ROOT = Path(__file__).parents[1]


def in_terminal(
    script: str, folder: Path, size: tuple[int, int] = (30, 100), interrupt: Callable[[str], bool] | None = None
) -> str:
    """All that a script has written into a terminal of a size (lines, columns).

    Args:
        interrupt: tells of what was written so far whether Ctrl+C is to be typed, once.
    """
    file = folder / "script.py"
    file.write_text(script, encoding="utf-8")
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment = {**kept, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "NBGRAPH_STORE": "memory"}
    ends = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    process = subprocess.Popen([sys.executable, str(file)], env=environment, start_new_session=True, **ends)
    os.close(terminal)
    written = b""
    while data := _read(controller):
        written += data
        if interrupt is not None and interrupt(written.decode(errors="replace")):
            interrupt = None
            process.send_signal(signal.SIGINT)
    os.close(controller)
    process.wait(30)
    return written.decode()


def _read(controller: int) -> bytes:
    try:
        return os.read(controller, 65536)
    except OSError:  # which is how the end is told on Linux
        return b""


def screen(written: str) -> list[str]:
    """The lines that stand there at last, as a terminal makes them of what was written; colours are left out."""
    lines, row, column = [""], 0, 0
    for found in PARTS.finditer(written):
        count, order, back, feed, text = found.groups()
        if order == "A":
            row = max(0, row - int(count or 1))
        elif order == "K":
            lines[row] = ""
        elif back:
            column = 0
        elif feed:
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif text:
            lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
            column += len(text)
    return [line.rstrip() for line in lines]
