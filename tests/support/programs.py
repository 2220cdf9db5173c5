"""The programs beyond Python and Git that some tests drive; ``python -m tests.support.programs``.

Missing ones are installed from Debian's packages where that is allowed (root, apt-get). Chromium is
``$CHROMIUM_PATH``, an installed one, Debian's, or Playwright's own download, in this order. Servers
are only unpacked, beside the environment's own programs: installed, they would be started on the
machine that runs the tests. Azurite comes by npm. What cannot be had is named, and the tests that
need it say that they did not run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_PACKAGES = {
    "faketime": "faketime",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "ssh-keygen": "openssh-client",
    "strace": "strace",
    "zsh": "zsh",
}
_SERVERS = {
    "nginx": ("nginx", "libnginx-mod-http-dav-ext"),
    "sshd": ("openssh-server", "openssh-sftp-server", "libwrap0"),
}
_AZURITE = Path(__file__).parent / "azurite"
"""What npm is to install, with the hashes of all of it."""

SERVERS = Path(sys.prefix) / "programs"
"""Where servers are unpacked and installed: what Debian puts into ``/`` is in ``debian/`` here."""

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


def find_server(program: str) -> Path | None:
    """Return an installed server or one that was unpacked for the tests, None without either."""
    folders = [SERVERS / "debian/usr/sbin", *map(Path, _SEARCHED.split(os.pathsep))]
    found = shutil.which(program, path=os.pathsep.join(map(str, folders)))
    return Path(found) if found else None


def find_azurite() -> Path | None:
    """Return the script with which Node starts Azurite, None where it was not installed."""
    script = SERVERS / "azurite/node_modules/azurite/dist/src/blob/main.js"
    return script if script.exists() and shutil.which("node") else None


def install() -> list[str]:
    """Install what is missing and can be had; return the names of what is still missing."""
    servers = [
        name for program in _SERVERS if not find_server(program) for name in _SERVERS[program]
    ]
    wanted = [package for program, package in _PACKAGES.items() if not _find(program)]
    if find_chromium() is None:
        wanted.append(_CHROMIUM_PACKAGE)
    if (wanted or servers) and sys.platform == "linux" and shutil.which("apt-get"):
        if os.geteuid() == 0:
            _run("apt-get", "update", "-qq")
            if wanted:
                _run("apt-get", "install", "-qq", "--yes", "--no-install-recommends", *wanted)
        if servers:
            _unpack(servers)
    if find_azurite() is None:
        _install_azurite()
    if find_chromium() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    missing = [program for program in _PACKAGES if not _find(program)]
    missing += [program for program in _SERVERS if not find_server(program)]
    missing += [] if find_azurite() else ["azurite"]
    return missing if find_chromium() else [*missing, _CHROMIUM_PACKAGE]


def _run(*command: str, cwd: Path | None = None) -> None:
    """Run an installer; what it could not do shows in what is missing afterwards."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False, cwd=cwd)


def _unpack(packages: list[str]) -> None:
    """Put the files of Debian's ``packages`` below :data:`SERVERS`; this needs no rights."""
    (SERVERS / "debian").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)  # apt-get downloads as a user of its own
        _run("apt-get", "download", "-qq", *packages, cwd=folder)
        for package in folder.glob("*.deb"):
            _run("dpkg-deb", "--extract", str(package), str(SERVERS / "debian"))


def _install_azurite() -> None:
    npm = shutil.which("npm")
    if npm is None:
        return
    folder = SERVERS / "azurite"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(_AZURITE / name, folder / name)
    _run(npm, "ci", "--silent", cwd=folder)


def _find(program: str) -> str | None:
    return shutil.which(program, path=_SEARCHED)


if __name__ == "__main__":
    for name in install():
        print(f"{name} cannot be had here; the tests that need it will say so", file=sys.stderr)
