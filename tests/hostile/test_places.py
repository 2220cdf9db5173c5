"""Names of files, links on the way, and things that stand where files are expected."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.arena import Arena, Case
from tests.hostile.conftest import Attack
from tests.hostile.corpus import NAMES, words, write

pytestmark = pytest.mark.slow

_COMMANDS = words(
    *(
        "snapshot",
        "status",
        "restore",
        "undo",
        "restore first",
        "restore --code first",
        "log",
        "doctor",
    ),
    *("strip", "init", "diff first", "metrics show", "snapshot drop first", "untrack data"),
    *(
        "move data elsewhere",
        "move model.bin sub/model.bin",
        "snapshot branch first b",
        "params diff",
    ),
)
_GOALS = (
    *("../outside", "../outside/data", "../outside/secret.txt", "../outside/moved"),
    *("/dev/zero", "/dev/tty", "/proc/self/environ", "nowhere"),
)
_LINKED = (
    *("data", "data/sub", "data/a.csv", "data.mlops", "model.bin", "model.bin.mlops", ".gitignore"),
    *(".gitattributes", "mlops.toml", "metrics", "metrics/train.json", "params", "notebook.ipynb"),
    *("data/.gitignore", ".mlops", "sub", "elsewhere", "params/train.json", "sub/model.bin"),
)
"""What a clone may bring as a link; folders within ``.git`` are linked by none but the user."""

_LINKED_IN_GIT = (
    *("mlops/format", "mlops/launcher", "mlops-worktree/stat-cache", "mlops-worktree/dirty-files"),
    *("hooks/pre-commit", "mlops-worktree/undoing"),
)


def _choose(number: int, count: int) -> tuple[tuple[str, ...], ...]:
    size = len(_COMMANDS)
    return tuple(_COMMANDS[(number * 5 + step * 7) % size] for step in range(min(size, count)))


def _as_link(name: str, goal: str) -> Callable[[Arena], object]:
    """Return what puts a link at ``name``; what was there is moved to the folder outside."""

    def plant(arena: Arena) -> None:
        full = arena.project.root / name
        full.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(full):
            os.rename(full, arena.outside / "moved")
        full.symlink_to(goal if goal.startswith("/") else arena.project.root / goal)

    return plant


@pytest.mark.parametrize("part", range(4))
def test_links(attack: Attack, scale: int, part: int) -> None:
    places = [(name, goal) for name in _LINKED for goal in _GOALS]
    places += [
        (f".git/{name}", goal)
        for name in _LINKED_IN_GIT
        for goal in ("nowhere", "../outside/secret.txt")
    ]
    cases = [
        Case(f"{name} -> {goal}", _as_link(name, goal), _choose(number, 1 + scale))
        for number, (name, goal) in enumerate(places)
        if scale > 1 or number % 3 < 2
    ]
    attack(cases[part::4])


@pytest.mark.parametrize("part", range(3))
def test_names(attack: Attack, scale: int, part: int) -> None:
    """The same odd name for data, a folder, numbers, a notebook, and a file of Git's own."""
    cases = []
    for number, name in enumerate(NAMES):
        for at, where in enumerate(
            ("data/{}", "data/{}/x", "{}", "metrics/{}.json", "{}.ipynb", "{}.mlops")
        ):
            if scale == 1 and (number + at) % 3:
                continue

            def plant(arena: Arena, path: str = where.format(name)) -> None:
                full = os.path.join(os.fsencode(arena.project.root), os.fsencode(path))
                if len(os.path.basename(full)) > 255:
                    full = full[:-10]
                os.makedirs(os.path.dirname(full), exist_ok=True)
                if not os.path.lexists(full):
                    Path(os.fsdecode(full)).write_bytes(b'{"a": 1}')
                if path.endswith((".mlops", ".ipynb")):
                    arena.project.git("--literal-pathspecs", "add", "--", path, check=False)

            cases.append(Case(where.format(name)[:60], plant, _choose(number + at, 1 + scale)))
    attack(cases[part::3])


def _put(kind: str, name: str) -> Callable[[Arena], object]:
    def plant(arena: Arena) -> None:
        full = arena.project.root / name
        full.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(full):
            os.rename(full, arena.outside / "moved")
        if kind == "pipe":
            os.mkfifo(full)
        elif kind == "folder":
            full.mkdir()
        elif kind == "socket":
            os.mknod(full, stat.S_IFSOCK | 0o600)
        else:
            with full.open("wb") as file:
                file.truncate(50 * 1024**3)

    return plant


@pytest.mark.parametrize("part", range(2))
def test_what_is_no_plain_file(attack: Attack, scale: int, part: int) -> None:
    """Pipes on which nobody writes, sockets, folders, and files larger than any memory."""
    places = (
        *("data/x", "model.bin", "model.bin.mlops", "mlops.toml", "metrics/x.json", "x.ipynb"),
        *(".gitignore", ".gitattributes", "params/x.json", "data.mlops", "notes.mlops"),
    )
    in_git = (
        *("mlops/format", "mlops/launcher", f"mlops/index/{'0' * 64}.idx", "hooks/x"),
        *(f"mlops/packs/00/{'0' * 64}.pack", f"mlops/packs/00/{'0' * 64}.plain"),
        *("mlops-worktree/stat-cache", "mlops-worktree/dirty-files", "mlops-worktree/environment"),
        *("mlops-worktree/origins/x.json", "mlops-worktree/operations/00000099.json"),
        *("mlops-worktree/unfinished/1-a.json",),
    )
    kinds = ("pipe", "folder", "socket", "huge")
    senseless = {
        *(("huge", name) for name in ("data/x", "model.bin", ".gitignore")),  # it is all read
        *(("pipe", name) for name in (".gitignore", ".gitattributes")),  # Git waits for a writer
    }
    cases = [
        Case(f"{kind} at {name}", _put(kind, name), _choose(number + at, 1 + scale))
        for number, name in enumerate(places)
        for at, kind in enumerate(kinds)
        if (kind, name) not in senseless
    ]
    cases += [
        Case(f"folder at .git/{name}", _put("folder", f".git/{name}"), _choose(number, 2 + scale))
        for number, name in enumerate(in_git)
    ]
    attack(cases[part::2])


def test_names_of_git(attack: Attack) -> None:
    """Folders in the tree that look like Git's own, and a file that leads Git elsewhere."""

    def bare(arena: Arena) -> None:
        inner = arena.project.root / "data/bare"
        arena.project.git("init", "-q", "--bare", "--template=", str(inner))
        (inner / "config").write_text(
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = ../..\n"
            "\tfsmonitor = touch ../../../outside/pwned; false\n\thooksPath = hooks\n"
        )

    def redirect(arena: Arena) -> None:
        arena.project.write("sub/.git", "gitdir: ../../outside\n")

    def submodule(arena: Arena) -> None:
        arena.project.write(
            ".gitmodules",
            '[submodule "x"]\npath = x\nurl = ext::sh -c touch% pwned\nupdate = !touch pwned\n',
        )
        head = arena.project.head()
        arena.project.git("update-index", "--add", "--cacheinfo", f"160000,{head},x")

    commands = words(
        "status",
        "snapshot",
        "strip data",
        "strip sub",
        "doctor",
        "restore first",
        "init",
        "diff first",
    )
    attack(
        [
            Case("bare", bare, commands),
            Case("redirect", redirect, commands),
            Case("submodule", submodule, commands),
            Case(
                "configuration in the tree",
                write(".gitconfig", "[core]\nfsmonitor = touch pwned"),
                commands,
            ),
            Case("configuration", write("config", "[core]\nhooksPath = ."), commands),
        ]
    )
