"""What every test gets: both event loops, a home of its own, no key of the person who runs it, and a
check that it left nothing open. And the rule that nobody's green build hides a skipped test."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine makes an example slow, not wrong; pytest-timeout catches what hangs.
settings.register_profile(
    "lokid", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("lokid")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Tests marked ``anyio`` run on asyncio and on trio."""
    return str(request.param)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory with XDG directories in it; nothing of the real environment is seen."""
    for name in list(os.environ):
        if name.startswith(("LOKI", "XDG_")) or name.endswith(("_API_KEY", "_TOKEN")):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    run = tmp_path / "run"
    for directory in (home, run):
        directory.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(run))
    return home


def _open_channels() -> dict[str, str]:
    """Sockets, pipes and directories of this process: ``{"7": "socket:[4711]"}``. Files are left to
    ResourceWarning."""
    found: dict[str, str] = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:  # the descriptor of the listing itself
            continue
        if target.startswith(("socket:", "pipe:")) or os.path.isdir(target):
            found[number] = target
    return found


def _live_threads() -> set[threading.Thread]:
    """Threads that somebody has to end. AnyIO and Trio end their idle workers themselves."""
    return {
        thread
        for thread in threading.enumerate()
        if not thread.daemon and not thread.name.startswith(("AnyIO worker", "Trio thread"))
    }


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """A test that leaves one of them or a thread behind fails, not the one that trips over it later."""
    channels, threads = _open_channels(), _live_threads()
    yield
    left = _open_channels().items() - channels.items()
    if left:
        gc.collect()  # cycles around closed-over sockets are no leak
        left = _open_channels().items() - channels.items()
    assert not left, f"left open: {sorted(left)}"
    assert not _live_threads() - threads, f"left running: {_live_threads() - threads}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that may take long begin first: one that begins last is what everybody waits for in the end."""

    def limit(item: pytest.Item) -> float:
        marker = item.get_closest_marker("timeout")
        return -marker.args[0] if marker else 0.0

    items.sort(key=limit)


def pytest_collection_finish() -> None:
    """What ten thousand tests are made of is never garbage: no collection in a test looks at it again."""
    gc.collect()
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """A third of the time a test waits for a process or a clock: one more than there are processors."""
    return len(os.sched_getaffinity(0)) + 1


# --- With CI set, a skipped test fails the run. The only exception: recorded provider answers
# (LOKID_WIRE) lie outside the repository and may be absent.

_skipped: list[str] = []


def _why(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and "LOKID_WIRE" not in _why(report):
        _skipped.append(f"{report.nodeid}: {_why(report)}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped and "LOKID_WIRE" not in _why(report):
        _skipped.append(f"{report.nodeid}: {_why(report)}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get("CI") and _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("CI") and _skipped:
        terminalreporter.section("skipped, which CI does not allow", sep="=", red=True)
        for line in _skipped:
            terminalreporter.line(line)
