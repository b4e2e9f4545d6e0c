"""A process is told apart from every other one, and whether it has ended is known where that can be."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nbgraph.store.owners import Process, started, this_process

pytestmark = pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="elsewhere only the lease tells")
NOBODY = 2**22 + 1  # more than a system counts to


def test_this_process_is_alive_while_it_has_a_lease() -> None:
    me = this_process()
    assert me.pid == os.getpid()
    assert not me.ended()
    assert me.alive(lease_until=10.0, now=9.0)
    assert not me.alive(lease_until=10.0, now=11.0)


def test_a_process_with_the_same_number_is_another_one() -> None:
    assert this_process()._replace(started="long ago").ended()


def test_a_number_that_nobody_has_is_of_a_process_that_has_ended() -> None:
    gone = this_process()._replace(pid=NOBODY)
    assert gone.ended()
    assert not gone.alive(lease_until=10.0, now=9.0)


def test_of_another_machine_only_the_lease_tells() -> None:
    for machine in ("another boot", ""):
        far = Process(NOBODY, "elsewhere", machine, "1")
        assert not far.ended()
        assert far.alive(lease_until=10.0, now=9.0)
        assert not far.alive(lease_until=10.0, now=10.0)


def test_what_is_left_of_a_process_that_ended_is_no_process() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert started(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, and nobody has asked yet
        assert started(process.pid) == ""
