"""The programs beyond Python and Git that some tests drive; ``python -m tests.support.programs``.

Missing ones are installed from Debian's packages where that is allowed (root, apt-get). Chromium is
``$CHROMIUM_PATH``, an installed one, Debian's, or Playwright's own download, in this order. What
cannot be had is named, and the tests that need it say that they did not run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_PACKAGES = {
    "faketime": "faketime",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "strace": "strace",
    "zsh": "zsh",
}
_SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_CHROMIUM_PACKAGE = "chromium"


def find_chromium() -> Path | None:
    """Return the Chromium that tests drive, None where there is none."""
    named = os.environ.get("CHROMIUM_PATH")
    if named and Path(named).exists():
        return Path(named)
    for name in _CHROMIUM_NAMES:
        if found := shutil.which(name):
            return Path(found)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        downloaded = Path(playwright.chromium.executable_path)
    return downloaded if downloaded.exists() else None


def install() -> list[str]:
    """Install what is missing and can be had; return the names of what is still missing."""
    wanted = [package for program, package in _PACKAGES.items() if not _find(program)]
    if find_chromium() is None:
        wanted.append(_CHROMIUM_PACKAGE)
    if wanted and sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *wanted],
        ):
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    if find_chromium() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    missing = [program for program in _PACKAGES if not _find(program)]
    return missing if find_chromium() else [*missing, _CHROMIUM_PACKAGE]


def _find(program: str) -> str | None:
    return shutil.which(program, path=_SEARCHED)


if __name__ == "__main__":
    for name in install():
        print(f"{name} cannot be had here; the tests that need it will say so", file=sys.stderr)
