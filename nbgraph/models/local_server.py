"""The process of a local model, run as a file: it answers on loopback until its parent ends, and imports no nbgraph."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

HOST = "127.0.0.1"
CONTEXT = 4096  # tokens of a conversation; its memory of 94 MB is taken at once
LONGEST = 512  # tokens of an answer to a request that sets no limit, since so small a model may never end by itself
BATCH = 64  # tokens of a prompt read at once: between two batches it tells whether it is busy
REQUESTS = 32  # connections at once; those whose turn has not come wait


def serve(file: str, name: str, key: str) -> None:
    """Load the model in `file`, print its address once it answers, and stay until the parent is gone."""
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal, and an interrupted kernel, mean the parent
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what native code prints is no address
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        server = _server(file, name, key)
    except Exception as error:  # native code has printed before what was wrong
        sys.exit(f"{type(error).__name__}: {error}")
    with told:
        print(server.listening_address, file=told)
    # A process that the parent has forked holds the other end of our input too, so its end is not all there is to see.
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing is ever sent
    os._exit(0)


def _server(file: str, name: str, key: str) -> Any:
    from xllamacpp import CommonParams, Server

    wanted = CommonParams()
    wanted.model.path, wanted.model_alias = file, {name}
    wanted.hostnames, wanted.port = [HOST], 0
    wanted.api_keys, wanted.cors_origins = [key], ""  # no page in a browser is to ask it
    wanted.ui = False
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = 1  # more only spin where others need the processor
    wanted.n_threads_http = REQUESTS
    wanted.n_parallel = 1
    wanted.n_ctx, wanted.n_predict = CONTEXT, LONGEST
    wanted.n_batch = wanted.n_ubatch = BATCH
    wanted.cache_ram_mib = 0  # instead of up to 8 GB
    wanted.sampling.seed = 1  # the same request is answered with the same text
    wanted.verbosity = 1  # errors only
    return Server(wanted)


if __name__ == "__main__":
    serve(*sys.argv[1:])
