"""What all tests share: little garbage, and with NBGRAPH_NOTHING_SKIPPED set, as in CI, a skip fails the run."""

import gc
import os

import pytest

os.environ["NBGRAPH_STORE"] = "memory"  # but for tests that say otherwise, nothing is left on disk

MAY_BE_SKIPPED = (
    "is not beside this checkout",  # what is no part of the project
    "no disk can be mounted here",  # a full disk is tested without one too
)


def pytest_sessionstart() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    """Thousands of tests stay to the end: to look for garbage among them takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that should have skipped nothing and did."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get("NBGRAPH_NOTHING_SKIPPED"):
        return
    all_skipped = reporter.stats.get("skipped", [])
    skipped = [report for report in all_skipped if not any(why in str(report.longrepr) for why in MAY_BE_SKIPPED)]
    if skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} tests were skipped, and everything they need should be here", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
