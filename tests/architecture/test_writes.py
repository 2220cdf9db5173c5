"""Few modules write files: one for the store, one family for the working tree, and those named."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import Source, iter_calls, sources

WRITERS = {
    "files/durable.py": "all that is created, renamed and removed in the store",
    "files/beneath.py": "single changes in the working tree, for files/worktree.py",
    "files/batch.py": "many files at once into the working tree, for files/worktree.py",
    "commands/difftool.py": "the page that a browser shows, among temporary files",
    "commands/selftest_project.py": "the project that a self-test makes to break it",
    "git/config.py": "new settings of a repository, under Git's own lock",
    "git/index_file.py": "Git's own index, its lock, and private copies of it",
    "git/refs.py": "the mark that tells when objects were last synced",
    "git/hooks.py": "names of hooks that were there before",
    "git/left_locks.py": "notes of the locks that Git takes for us, and those it left behind",
}

_OS_CALLS = frozenset(
    {
        "link",
        "mkdir",
        "makedirs",
        "remove",
        "removedirs",
        "rename",
        "renames",
        "replace",
        "rmdir",
        "symlink",
        "truncate",
        "unlink",
    }
)
_PATH_METHODS = {
    "hardlink_to": 1,
    "mkdir": 0,
    "rename": 1,
    "replace": 1,
    "rmdir": 0,
    "symlink_to": 1,
    "touch": 0,
    "unlink": 0,
    "write_bytes": 1,
    "write_text": 1,
}
"""Methods of ``Path``, by how many arguments they take: WorkTree's take the path as well."""


def _writes(call: ast.Call) -> bool:
    match call.func:
        case ast.Name(id="open"):
            return _opens_to_write(call, 1)
        case ast.Attribute(value=ast.Name(id="os"), attr=name):
            return name in _OS_CALLS
        case ast.Attribute(value=ast.Name(id="shutil"), attr=name):
            return name in {"copy", "copy2", "copyfile", "copytree", "move", "rmtree"}
        case ast.Attribute(attr="open"):
            return _opens_to_write(call, 0)
        case ast.Attribute(attr=name):
            return _PATH_METHODS.get(name) == len(call.args)
        case _:
            return False


def _opens_to_write(call: ast.Call, position: int) -> bool:
    if call.args and ast.unparse(call.args[0]) == "os.devnull":
        return False
    modes = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    modes += call.args[position : position + 1]
    return any(
        isinstance(mode, ast.Constant)
        and isinstance(mode.value, str)
        and set(mode.value) & set("wax+")
        and len(mode.value) <= 3
        for mode in modes
    )


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_only_the_writers_write(source: Source) -> None:
    if source.name in WRITERS:
        return
    found = [
        f"{ast.unparse(call)} (line {call.lineno})"
        for call in iter_calls(source.tree)
        if _writes(call)
    ]
    assert not found, "writes files, and is not in WRITERS"


def test_the_writers_write() -> None:
    writing = {source.name for source in sources() if any(map(_writes, iter_calls(source.tree)))}
    assert set(WRITERS) == writing


@pytest.mark.parametrize(
    "code",
    [
        "os.replace(a, b)",
        "path.replace(target)",
        "path.unlink()",
        "open(path, 'wb')",
        "path.open('a')",
        "shutil.rmtree(folder)",
        "folder.mkdir()",
    ],
)
def test_what_counts_as_writing(code: str) -> None:
    (call,) = iter_calls(ast.parse(code))
    assert _writes(call)


@pytest.mark.parametrize(
    "code",
    ["text.replace('a', 'b')", "replace(value, name='x')", "open(path, 'rb')", "path.open()"],
)
def test_what_does_not_count_as_writing(code: str) -> None:
    (call,) = iter_calls(ast.parse(code))
    assert not _writes(call)
