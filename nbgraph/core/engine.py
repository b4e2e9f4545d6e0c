"""The engine's own event loop, on a daemon thread: a busy cell or a blocked caller never holds up a run."""

from __future__ import annotations

import asyncio
import os
import threading

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0


def engine_loop() -> asyncio.AbstractEventLoop:
    """The loop, started when first asked for; a forked process gets one of its own."""
    global _loop, _owner
    with _lock:
        if _loop is None or _owner != os.getpid():
            _loop, _owner = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_serve, args=(_loop,), name="nbgraph-engine", daemon=True).start()
        return _loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
