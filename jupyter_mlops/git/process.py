"""How Git is run: GitPython's way of starting it, with an environment of our own making.

``git.Git.execute`` can add variables to the environment but never take one away, strips a newline
from what Git prints, and has no way to hand bytes in. Inside a hook Git sets ``GIT_DIR`` and
``GIT_INDEX_FILE``, and a command that inherits them works on another repository or index than the
one that was opened. So Git is started as GitPython starts it, which on Windows never takes
``git.exe`` from the current folder.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Literal, Protocol

from jupyter_mlops.errors import UnavailableError, UsageError

Durable = Literal["objects", "many objects", "all"]
"""What a call makes durable before it returns: the objects, or references and index as well.

``many objects`` has one barrier for all instead of one each, and on a disk that refuses an object's
folder it reports success all the same: who uses it asks afterwards whether they are there.
"""


class Place(Protocol):
    """Where Git runs, and which Git: a :class:`jupyter_mlops.git.repository.Repository`."""

    @property
    def root(self) -> Path:
        """The folder that Git runs in."""
        ...

    @property
    def version(self) -> tuple[int, int, int]:
        """The version of Git."""
        ...


LOCAL_VARIABLES = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)
"""Variables that tie Git to one repository: ``git rev-parse --local-env-vars`` and two more.

``GIT_CONFIG_PARAMETERS`` and ``GIT_CONFIG_COUNT`` stay: they carry the user's ``git -c`` and a CI
machine's ``safe.directory``; Git itself hands them on to the commands it runs in submodules.
"""

_PATHSPEC_VARIABLES = frozenset(
    {
        "GIT_GLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
    }
)
NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")
"""Options for commands on an index of our own, of which no hook should hear."""

OFFLINE = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
"""Variables with which Git fetches nothing: of a partial clone it says what is missing.

Git knows the first one since 2.45; an older one asks for each object, and is refused.
"""

_FSYNC_METHODS_SINCE = (2, 36, 0)


def run_git(
    repo: Place,
    *args: str,
    input: bytes | memoryview | None = None,
    env: Mapping[str, str] | None = None,
    allow: Container[int] = (0,),
    durable: Durable | None = None,
) -> bytes:
    """Run Git in the root of ``repo`` and return what it printed, byte for byte.

    Args:
        repo: where Git runs; its root is the current folder of the command.
        args: the command and its arguments; users' names stand after ``--`` or
            ``--end-of-options``.
        input: what Git reads on its standard input; nothing when None.
        env: variables set on top of the cleaned environment.
        allow: exit statuses that are not failures.
        durable: what must survive a power cut once this returns. Folders are not synced by Git: see
            :mod:`jupyter_mlops.git.refs`.

    Raises:
        UnavailableError: Git exited with another status (``git-failed``) or cannot be started
            (``git-missing``). The message carries the line in which Git says why.
        UsageError: an argument holds a NUL character.
    """
    options = _durability_options(repo.version, durable) if durable else ()
    return run_git_in(repo.root, *options, *args, input=input, env=env, allow=allow)


def run_git_in(
    folder: Path,
    *args: str,
    input: bytes | memoryview | None = None,
    env: Mapping[str, str] | None = None,
    allow: Container[int] = (0,),
) -> bytes:
    """Run Git in ``folder``, before a repository is open; else as :func:`run_git`."""
    status, printed, said = try_git_in(folder, *args, input=input, env=env)
    if status not in allow:
        raise git_failed(args, said)
    return printed


def try_git(
    repo: Place,
    *args: str,
    input: bytes | memoryview | None = None,
    env: Mapping[str, str] | None = None,
    durable: Durable | None = None,
) -> tuple[int, bytes, bytes]:
    """Run Git as :func:`run_git` does; return its status, output and messages."""
    options = _durability_options(repo.version, durable) if durable else ()
    return try_git_in(repo.root, *options, *args, input=input, env=env)


def try_git_in(
    folder: Path,
    *args: str,
    input: bytes | memoryview | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[int, bytes, bytes]:
    """Run Git in ``folder`` and return its status, output and messages."""
    process = _start(
        folder, args, env, stdin=subprocess.DEVNULL if input is None else subprocess.PIPE
    )
    try:
        printed, said = process.communicate(input)  # type: ignore[arg-type]  # takes any buffer
    except BaseException:
        # Asked to end, Git removes its lock files; killed, it leaves them behind.
        process.terminate()
        process.wait()
        raise
    return process.returncode, printed, said


@contextmanager
def open_git(
    repo: Place, *args: str, env: Mapping[str, str] | None = None
) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Yield the standard input and output of a Git process that is ended when the block is left.

    ``env`` is set on top of the cleaned environment. What Git says on its standard error is
    dropped: a protocol read from the output tells success.
    """
    process = _start(repo.root, args, env, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdin, process.stdout
    finally:
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise


def git_failed(args: Iterable[str], said: bytes) -> UnavailableError:
    """Return the error for a failed command: which, and the line in which Git says why."""
    command = next((arg for arg in _without_options(args)), "git")
    return UnavailableError(
        f"git {command} failed: {explanation(said)}.", code="git-failed", hints=("git status",)
    )


def explanation(said: bytes) -> str:
    """Return the line of Git's messages that says why, without its prefix and full stop."""
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return "it gave no reason"
    reasons = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    line = (reasons or lines)[0]
    for prefix in ("fatal: ", "error: "):
        line = line.removeprefix(prefix)
    return line.rstrip(".:")


def split_nul(printed: bytes) -> list[str]:
    """Return the names in NUL-terminated output; :func:`encode_names` turns them back."""
    if not printed:
        return []
    return os.fsdecode(printed.removesuffix(b"\0")).split("\0")


def encode_names(names: Iterable[str]) -> bytes:
    """Return ``names``, each ended by NUL, for a Git command that reads them with ``-z``.

    Raises:
        UsageError: a name is empty or holds a NUL character.
    """
    encoded = []
    for name in names:
        if not name or "\0" in name:
            raise UsageError(f"{name!r} cannot be the name of a file.", code="path-invalid")
        encoded.append(os.fsencode(name) + b"\0")
    return b"".join(encoded)


def literal(path: str) -> str:
    """Return the pathspec that matches ``path`` and all beneath it, whatever it holds."""
    return f":(literal){path}"


@cache
def read_git_version() -> tuple[int, int, int]:
    """Return the version of the Git that is used, asked once in this process.

    Raises:
        UnavailableError: Git cannot be started, or does not tell its version.
    """
    printed = run_git_in(Path(os.path.abspath(os.sep)), "version").decode("utf-8", "replace")
    digits = [
        part
        for part in printed.removeprefix("git version ").split()[0].split(".")
        if part.isdigit()
    ]
    if not digits:
        raise UnavailableError(
            f"Git did not tell its version but {printed.strip()!r}.", code="git-missing"
        )
    major, minor, patch = (*map(int, digits), 0, 0)[:3]
    return major, minor, patch


def _start(
    folder: Path,
    args: Iterable[str],
    env: Mapping[str, str] | None,
    *,
    stdin: int,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    start, program = _find_git()
    try:
        process = start(
            [program, *args],
            cwd=folder,
            env=_clean_environment(env or {}),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    except ValueError as error:
        raise UsageError(
            "A name holds a NUL character, which no file and no revision can.", code="nul"
        ) from error
    except OSError as error:
        if isinstance(error, FileNotFoundError) and folder.is_dir():
            raise _no_git() from error
        raise UnavailableError(
            f"Git cannot be started in {folder}: {error.strerror}.",
            code="git-missing",
            hints=("git --version",),
        ) from error
    return process


def _find_git() -> tuple[Callable[..., subprocess.Popen[bytes]], str]:
    """Return how Git is started, and its program.

    Where no current folder is searched for programs GitPython does no more than ``Popen``, and its
    import, which starts Git twice, would be most of what a short command takes.

    Raises:
        UnavailableError: there is no Git.
    """
    if os.name == "posix":
        return subprocess.Popen, os.environ.get("GIT_PYTHON_GIT_EXECUTABLE", "git")
    try:
        # The package is asked for first: while another thread imports it, git.cmd alone is there
        # before it is known which program Git is.
        from git import Git
        from git.cmd import safer_popen
    except ImportError as error:
        raise _no_git() from error
    return safer_popen, str(Git.GIT_PYTHON_GIT_EXECUTABLE)


def _no_git() -> UnavailableError:
    return UnavailableError(
        "Git cannot be started, as no git program was found.",
        code="git-missing",
        hints=("git --version",),
    )


def _clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    dropped = LOCAL_VARIABLES | _PATHSPEC_VARIABLES
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"LC_ALL": "C", "LANGUAGE": "C", "GIT_OPTIONAL_LOCKS": "0"} | dict(extra)


def _durability_options(version: tuple[int, int, int], durable: Durable) -> tuple[str, ...]:
    if version < _FSYNC_METHODS_SINCE:
        return ("-c", "core.fsyncObjectFiles=true")
    components = "all" if durable == "all" else "objects"
    method = "batch" if durable == "many objects" else "fsync"
    return ("-c", f"core.fsync={components}", "-c", f"core.fsyncMethod={method}")


def _without_options(args: Iterable[str]) -> Iterator[str]:
    """Yield ``args`` without the options that stand before Git's command."""
    remaining = iter(args)
    for arg in remaining:
        if arg == "-c":
            next(remaining, None)
        elif not arg.startswith("-"):
            yield arg
