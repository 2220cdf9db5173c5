"""A real JupyterLab on a loopback port, and its notebooks in a real browser."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread, Timer
from typing import TYPE_CHECKING, Literal

import nbformat

from tests.support.project import Project

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Response

Theme = Literal["Light", "Dark"]
Application = Literal["jupyterlab", "notebook"]

_BROWSER_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_START_SECONDS = 60
_STOP_SECONDS = 20
_LAB_OPTIONS = (
    *("--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"),
    # Nothing is asked of the network.
    "--LabApp.extension_manager=readonly",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    # It ends by itself where whoever started it was killed.
    "--MappingKernelManager.cull_idle_timeout=300",
    "--MappingKernelManager.cull_connected=True",
    "--ServerApp.shutdown_no_activity_timeout=600",
)
_NOTIFICATIONS = '{"fetchNews": "false", "checkForUpdates": false, "doNotDisturbMode": true}'
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+(?=/(?:lab|tree))")


@contextmanager
def open_browser(chromium: Path) -> Iterator[Browser]:
    """Yield a browser with no profile that calls nobody by itself."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=[*_BROWSER_FLAGS])
        try:
            yield running
        finally:
            running.close()


@dataclass(frozen=True, slots=True)
class Lab:
    """A JupyterLab that runs."""

    root: Path
    address: str
    token: str

    def url(self, path: Path) -> str:
        """Return where the file ``path`` is opened, with nothing of earlier visits around it."""
        inside = path.relative_to(self.root).as_posix()
        return f"{self.address}/lab/tree/{inside}?reset&token={self.token}"


@contextmanager
def start_lab(
    root: Path,
    settings: Path,
    environment: Mapping[str, str] | None = None,
    *,
    python: Path = Path(sys.executable),
    application: Application = "jupyterlab",
) -> Iterator[Lab]:
    """Yield a JupyterLab that shows ``root``, with user settings in the folder ``settings``.

    ``environment`` adds to that of this process; ``python`` is the one that it is installed for.
    """
    notification = settings / "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    notification.parent.mkdir(parents=True)
    notification.write_text(_NOTIFICATIONS)
    token = secrets.token_hex()
    process = subprocess.Popen(
        [str(python), "-m", application, *_LAB_OPTIONS, f"--ServerApp.root_dir={root}"],
        env={
            **os.environ,
            "JUPYTER_TOKEN": token,
            "JUPYTERLAB_SETTINGS_DIR": str(settings),
            **(environment or {}),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = _read_address(process)
        _wait_until_it_listens(process, address)
        yield Lab(root, address, token)
    finally:
        _stop(process)


def _read_address(process: subprocess.Popen[str]) -> str:
    """Return where ``process`` listens as soon as it says so; read on, so that it never blocks."""
    assert process.stderr is not None
    late = Timer(_START_SECONDS, process.kill)
    late.start()
    said: list[str] = []
    try:
        for line in process.stderr:
            said.append(line)
            if found := _ADDRESS.search(line):
                Thread(target=said.extend, args=(process.stderr,), daemon=True).start()
                return found[0]
    finally:
        late.cancel()
    raise AssertionError(f"JupyterLab did not start:\n{''.join(said)}")


def _wait_until_it_listens(process: subprocess.Popen[str], address: str) -> None:
    """Return when ``process`` takes connections, which is a little later than it says so."""
    port = int(address.rpartition(":")[2])
    while process.poll() is None:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
    raise AssertionError(f"JupyterLab ended with {process.returncode}")


def _stop(process: subprocess.Popen[str]) -> None:
    """End ``process``, which ends its kernels."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def write_notebook(project: Project, name: str, cells: tuple[str, ...]) -> Path:
    """Write a notebook that was never run."""
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    return project.write(name, nbformat.writes(made))


class OpenNotebook:
    """A notebook as a person sees it."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def run_all(self) -> None:
        """Run all cells by the menu, and wait until the last one has run or one has failed."""
        before = self.prompts()
        self._choose("Run", "Run All Cells")
        self._page.wait_for_function(_HAVE_RUN, arg=before)

    def restart(self) -> None:
        """Give the notebook a new kernel, and take away what the old one put out."""
        self._choose("Kernel", "Restart Kernel and Clear Outputs of All Cells…")
        self._page.get_by_role("button", name="Confirm Kernel Restart").click()
        self._page.wait_for_function(_IS_NEW)

    def save(self) -> None:
        """Save by the menu, and wait until the file is written and the page knows that it is.

        A page that does not know it yet takes the file for changed by someone else when its
        clock is put forward and it saves again by itself.
        """
        with self._page.expect_response(_saves_a_file) as saved:
            self._choose("File", "Save Notebook")
        assert saved.value.ok
        self._page.locator(_UNSAVED_TAB).wait_for(state="detached")

    def rename(self, name: str) -> None:
        """Rename the file by the menu, and wait until it has its new name."""
        self._choose("File", "Rename Notebook…")
        self._page.locator(".jp-Dialog input").fill(name)
        with self._page.expect_response(_renames_a_file) as renamed:
            self._page.locator(".jp-Dialog .jp-mod-accept").click()
        assert renamed.value.ok

    def run_cell(self, at: int) -> None:
        """Run one code cell, and wait until it has run."""
        self.cell(at).locator(".cm-line").first.click()
        before = self.prompts()[at]
        self._page.keyboard.press("Control+Enter")
        self._page.wait_for_function(_HAS_RUN, arg=[at, before])

    def open_second_view(self) -> None:
        """Show the same notebook once more, beside."""
        self._choose("File", "New View for Notebook")

    def close(self) -> None:
        """Close the notebook; its kernel goes on."""
        self._choose("File", "Close Tab")

    def use_theme(self, theme: Theme) -> None:
        """Choose one of JupyterLab's own themes."""
        self._choose("Settings", "Theme", f"JupyterLab {theme}")
        light = str(theme == "Light").lower()
        self._page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")

    def cell(self, at: int) -> Locator:
        """Return a code cell, counted from 0; -1 is the last."""
        return self._page.locator(".jp-Notebook .jp-CodeCell").nth(at)

    def output(self, at: int) -> Locator:
        """Return all that a cell put out."""
        return self.cell(at).locator(".jp-OutputArea-output")

    def prompts(self) -> list[str]:
        """Return what stands beside the cells: ``[1]:``, or ``[ ]:`` where a cell did not run."""
        return self._page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").all_inner_texts()

    def _choose(self, menu: str, *entries: str) -> None:
        self._page.locator("#jp-MainMenu").get_by_role("menuitem", name=menu, exact=True).click()
        for entry in entries:
            self._page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()


_UNSAVED_TAB = ".lm-TabBar-tab.jp-mod-current.jp-mod-dirty"
_IDLE = """/\\| Idle/.test(document.querySelector("#jp-main-statusbar")?.textContent)"""
_PROMPTS = """[...document.querySelectorAll(".jp-Notebook .jp-CodeCell .jp-InputPrompt")]
  .map((prompt) => prompt.textContent)"""
_IS_IDLE = f"() => {_IDLE}"
_IS_NEW = f"() => {_IDLE} && {_PROMPTS}.every((text) => text === '[ ]:')"
_HAVE_RUN = f"""(before) => {{
  const now = {_PROMPTS};
  const failed = document.querySelector('[data-mime-type="application/vnd.jupyter.stderr"]');
  return {_IDLE} && !now.some((text) => text.includes("*"))
    && now[0] !== before[0] && (failed || now.at(-1) !== before.at(-1));
}}"""


_HAS_RUN = f"""([at, before]) => {{
  const now = {_PROMPTS}[at];
  return {_IDLE} && now !== before && !now.includes("*");
}}"""


def open_notebook(page: Page, lab: Lab, path: Path) -> OpenNotebook:
    """Open the notebook at ``path`` in ``page``, and wait until its kernel can be used."""
    page.goto(lab.url(path))
    page.wait_for_function(_IS_IDLE)
    return OpenNotebook(page)


def open_path(page: Page, lab: Lab, path: Path) -> None:
    """Open another file in the same page, by the menu; the file browser shows afterwards."""
    page.locator("#jp-MainMenu").get_by_role("menuitem", name="File", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Open from Path…", exact=True).click()
    page.locator(".jp-Dialog input").fill(path.relative_to(lab.root).as_posix())
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.locator(".lm-DockPanel .lm-TabBar-tabLabel").get_by_text(path.name, exact=True).wait_for()


def _renames_a_file(response: Response) -> bool:
    return response.request.method == "PATCH" and "/api/contents/" in response.url


def _saves_a_file(response: Response) -> bool:
    return response.request.method == "PUT" and "/api/contents/" in response.url
