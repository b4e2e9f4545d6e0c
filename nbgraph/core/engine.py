"""The engine's own event loop, on a daemon thread: a busy cell or a blocked caller never holds up a run."""

from __future__ import annotations

import asyncio
import threading

_lock = threading.Lock()
_thread: threading.Thread | None = None
_loop: asyncio.AbstractEventLoop | None = None


def engine_loop() -> asyncio.AbstractEventLoop:
    """The loop, started when first asked for; a forked process, where no thread goes on, gets one of its own."""
    global _loop, _thread
    with _lock:
        if _loop is None or _thread is None or not _thread.is_alive():
            _loop = asyncio.new_event_loop()
            _thread = threading.Thread(target=_serve, args=(_loop,), name="nbgraph-engine", daemon=True)
            _thread.start()
        return _loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


def never_ends(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether it is the engine's own loop, and not that of a caller."""
    return loop is _loop
