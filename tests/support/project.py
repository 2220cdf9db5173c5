"""Real Git projects in temporary folders, with an identity handed in by the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.forked import run_python

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada Example",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada Example",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}
"""Who commits in the tests' own Git calls."""

_OF_THE_USER = (
    *("GIT_", "JUPYTER_", "IPYTHON", "JPY_", "XDG_", "MLOPS_"),
    "PYTHONDONTWRITEBYTECODE",
)
_OF_CI = (
    *("AZURE_", "BITBUCKET_", "BUILD_", "CHANGE_", "CIRCLE", "CI_", "FORGEJO_", "GH_", "GITEA_"),
    *("GITHUB_", "GITLAB_", "JENKINS_", "SYSTEM_", "TF_BUILD"),
)

_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")
"""Where programs lie that make file systems; not on everyone's PATH."""


def hermetic_environment(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``environ`` without settings of Git, Jupyter and CI, with ``home`` as its HOME.

    No identity is set, and Git finds none by itself. The settings stand in a file, since our own
    calls of Git drop those that come by ``GIT_CONFIG_COUNT``. Numeric libraries have one thread: on
    processors that others use too, theirs spin in wait of each other. Interpreters keep what they
    have compiled: without it each of thousands would compile the package again.
    """
    settings = home / "gitconfig"
    settings.write_text("[user]\n\tuseConfigOnly = true\n[init]\n\tdefaultBranch = main\n")
    cleaned = {
        name: value for name, value in environ.items() if not name.startswith(_OF_THE_USER + _OF_CI)
    }
    return cleaned | {
        "HOME": str(home),
        "IPYTHONDIR": str(home / ".ipython"),
        "JUPYTER_CONFIG_DIR": str(home / ".jupyter"),
        "JUPYTER_DATA_DIR": str(home / ".local/share/jupyter"),
        "JUPYTER_RUNTIME_DIR": str(home / ".local/share/jupyter/runtime"),
        "GIT_CONFIG_GLOBAL": str(settings),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": os.pathsep.join(
            [str(Path(sys.executable).parent), environ.get("PATH", ""), *_SYSTEM_FOLDERS]
        ),
    }


@dataclass(frozen=True, slots=True)
class Project:
    """A working tree of a real Git repository."""

    root: Path

    def git(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        input: str | None = None,
    ) -> str:
        """Run Git here and return its standard output; ``env`` adds to the environment."""
        return self._run(["git", *args], env=env, check=check, input=input).stdout

    def mlops(
        self, *args: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``jupyter-mlops`` here in a process of its own, whatever its exit status."""
        done = run_python(
            *("-m", "jupyter_mlops", *args),
            cwd=cwd or self.root,
            env={**os.environ, **IDENTITY, **(env or {})},
        )
        printed, said = (
            part.decode("utf-8", "surrogateescape") for part in (done.stdout, done.stderr)
        )
        return subprocess.CompletedProcess(done.args, done.returncode, printed, said)

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file beneath the root, with the folders it needs."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def read(self, path: str) -> bytes:
        """Return the bytes of a file beneath the root."""
        return (self.root / path).read_bytes()

    def commit(self, message: str, *paths: str) -> str:
        """Stage ``paths`` (everything, when none is named), commit, and return the commit's id."""
        self.git("add", "--all", "--", *paths) if paths else self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.head()

    def head(self) -> str:
        """Return the id of the commit that HEAD names."""
        return self.git("rev-parse", "HEAD").strip()

    def clone(self, target: Path) -> Project:
        """Clone into ``target`` with plain Git."""
        self.git("clone", "--quiet", str(self.root), str(target))
        return Project(target)

    def worktree(self, target: Path, revision: str) -> Project:
        """Add a detached linked worktree of ``revision`` at ``target``."""
        self.git("worktree", "add", "--quiet", "--detach", str(target), revision)
        return Project(target)

    def _run(
        self,
        command: list[str],
        *,
        env: Mapping[str, str] | None,
        check: bool,
        input: str | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=cwd or self.root,
            env={**os.environ, **IDENTITY, **(env or {})},
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(command)} exited {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done


def make_project(root: Path, *init_options: str) -> Project:
    """Make an empty Git repository at ``root`` on an unborn branch ``main``."""
    root.mkdir(parents=True, exist_ok=True)
    project = Project(root)
    project.git("init", "--quiet", *init_options)
    return project
