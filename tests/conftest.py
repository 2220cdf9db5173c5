"""What holds for every test: nothing of the user's own Git or Jupyter settings reaches it."""

from __future__ import annotations

import gc
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.support.forked import started_by_git
from tests.support.lab import open_browser
from tests.support.programs import find_chromium
from tests.support.project import Project, hermetic_environment, make_project
from tests.support.scoreboard import Scoreboard, add_up
from tests.support.sites import Sites

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

ONE_PROCESS = ("tests/demo/", "tests/ui/", "tests/test_packaging.py")
"""Places of tests that share a project, a server or a package that takes long to make."""

ONE_BY_ONE = ("tests/crash/", "tests/fuzz/", "tests/hostile/", "tests/storage/", "tests/sync/")
"""Places of tests that take long each, and share nothing but what stands for the whole run."""

_OF_A_SCENARIO = re.compile(r"tests/crash/test_(kill|errors|full_disk)\.py::.*\[(?P<name>.+)\]")
"""Tests in copies of a project, which each process makes that runs one of them."""

# How long an example takes depends on what else the machine does; examples share a folder.
settings.register_profile(
    "busy",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("busy")

# Read before the environment of the tests takes the place of the user's.
SCREENSHOTS = os.environ.get("MLOPS_SCREENSHOTS")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run try more faults than a change is tried with, and write what is kept anew."""
    parser.addoption(
        "--scale", type=int, default=1, help="how many times as many faults to try (default 1)"
    )
    parser.addoption("--golden", action="store_true", help="write the reports of tests/demo anew")


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands tests out by files, whose fixtures are then made once, but for those above."""

    def _split_scope(self, nodeid: str) -> str:
        scenario = _OF_A_SCENARIO.fullmatch(nodeid)
        if scenario is not None:
            return scenario["name"]
        if nodeid.startswith(ONE_BY_ONE):
            return nodeid
        file = nodeid.partition("::")[0]
        return next((place for place in ONE_PROCESS if nodeid.startswith(place)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Let the tests of each of ONE_PROCESS run in one process."""
    config.option.loadscopereorder = False
    return _Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin a run in several processes with what takes long, lest they wait for one at the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=_lateness)


def pytest_collection_finish() -> None:
    """Keep what thousands of collected tests are made of out of each garbage collection."""
    gc.collect()
    gc.freeze()


def _lateness(item: pytest.Item) -> int:
    if item.nodeid.startswith(ONE_PROCESS):
        return 0
    return 1 if item.get_closest_marker("slow") else 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Let one more test run than there are processors: many wait for a server or a kernel."""
    return (os.cpu_count() or 1) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many faults were tried."""
    reports = terminalreporter.stats.get("passed", [])
    sums = add_up(found for report in reports for found in report.user_properties)
    if sums:
        terminalreporter.section("faults that lost nothing")
    for what, count in sums.items():
        terminalreporter.write_line(f"{count:>9,}  {what}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run of continuous integration in which a test did not run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def hermetic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the whole run a home of its own and a Git that reads no settings of the machine.

    A run in the background (``make test &``) ignores Ctrl-C, and so would all that it starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    before = dict(os.environ)
    after = hermetic_environment(tmp_path_factory.mktemp("home"), before)
    os.environ.clear()
    os.environ.update(after)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def git_starts_forks() -> Iterator[None]:
    """Let what Git starts of ours in one module be forked, in a twentieth of the time."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in started_by_git().items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> int:
    """How many times as many faults to try as a change is tried with; ``make torture`` says."""
    value: int = request.config.getoption("--scale")
    return value


@pytest.fixture
def scoreboard(request: pytest.FixtureRequest) -> Scoreboard:
    """Where a test counts the faults that it tried."""
    return Scoreboard(request.node.user_properties)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A Git project with one commit and nothing of ours in it."""
    project = make_project(tmp_path / "project")
    project.write("README.md", "A project.\n")
    project.commit("First commit")
    return project


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one module, since Playwright drives no second one in the same process."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("not run: no Chromium can be had here")
    with open_browser(chromium) as running:
        yield running


@pytest.fixture
def expected_errors() -> list[str]:
    """Parts of what the browser's console may say; a test adds those that it provokes."""
    return []


@pytest.fixture
def page(browser: Browser, expected_errors: list[str]) -> Iterator[Page]:
    """A page so high that every cell of a notebook is on it; no error may come up in it."""
    page = browser.new_page(viewport={"width": 1200, "height": 2400})
    failures: list[str] = []

    def note(text: str) -> None:
        if not any(part in text for part in expected_errors):
            failures.append(text)

    page.on("pageerror", lambda error: note(str(error)))
    page.on("console", lambda said: note(_tell(said)) if said.type == "error" else None)
    yield page
    page.close()
    assert failures == []


def _tell(said: ConsoleMessage) -> str:
    return f"{said.text} {said.location['url']}"


@pytest.fixture
def screenshots() -> Path | None:
    """Return the folder named by ``MLOPS_SCREENSHOTS``, None where there is no wish for them."""
    if SCREENSHOTS is None:
        return None
    folder = Path(SCREENSHOTS)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def sites() -> Iterator[Sites]:
    """The servers, each started when it is first needed."""
    with Sites() as sites:
        yield sites
