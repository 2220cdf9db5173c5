"""Refs, records of snapshots, and the files in which a worktree keeps what is its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.ids import hash_bytes
from tests.hostile.arena import Arena, Case
from tests.hostile.conftest import Attack
from tests.hostile.corpus import HASH, MANY, PATHS, mutated, sized, words
from tests.support.data_project import STATE

pytestmark = pytest.mark.slow

_COMMANDS = words(
    *("undo", "status", "restore", "snapshot", "log", "undo", "snapshot list", "doctor"),
    *("snapshot drop first", "move data elsewhere", "untrack model.bin", "restore first"),
)


def _choose(number: int, count: int) -> tuple[tuple[str, ...], ...]:
    return tuple(_COMMANDS[(number + step) % len(_COMMANDS)] for step in range(count))


def _file(path: str, content: bytes) -> Callable[[Arena], object]:
    def plant(arena: Arena) -> None:
        target = arena.project.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(content)

    return plant


def _operation(**fields: object) -> bytes:
    return json.dumps({"command": ["x"], "at": "2026-01-01T00:00:00Z", **fields}).encode()


def _move(before: bytes | None, after: bytes | None) -> dict[str, str | None]:
    return {
        "before": base64.b64encode(before).decode() if before is not None else None,
        "after": base64.b64encode(after).decode() if after is not None else None,
    }


def _operations() -> dict[str, bytes]:
    new = _move(None, b"not yours")
    gone = _move(b"not yours\n", None)
    pointer = sized(2).encode()
    found = {
        "not JSON": b"{",
        "a list": b"[]",
        "deep": b'{"x": ' + b"[" * MANY,
        "huge": b'{"x": "' + b"x" * 5_000_000 + b'"}',
        "command of numbers": _operation(command=[1]),
        "no time": _operation(at="yesterday"),
        "time without a zone": _operation(at="2026-01-01T00:00:00", refs={"refs/heads/main": new}),
        "branch made": _operation(refs={"refs/heads/new": _move(b"0" * 40, None)}),
        "branch of nothing": _operation(refs={"refs/heads/new": _move(b"f" * 40, None)}),
        "branch of no object": _operation(refs={"refs/heads/new": _move(b"x", None)}),
        "not UTF-8": _operation(refs={"refs/heads/main": _move(b"\xff", b"\xfe")}),
        "HEAD": _operation(refs={"HEAD": new}),
        "option": _operation(refs={"--stdin": new, "-d": new}),
        "reference above": _operation(refs={"refs/../../../outside/x": new}),
        "NUL": _operation(refs={"refs/heads/a\0b": new}, files={"a\0b": new}),
        "no pointer": _operation(data={"data": _move(b"x", b"y")}),
        "pointer": _operation(data={"../outside/data": _move(pointer, None)}),
        "pointer at the root": _operation(
            data={"": _move(None, pointer), ".": _move(None, pointer)}
        ),
        "own data": _operation(data={"notes.txt": _move(None, pointer)}),
        "Git's data": _operation(data={".git": _move(None, pointer)}),
        "no origin": _operation(origins={"data": _move(b"x", b"y")}, files={"a": gone}),
        "rename out": _operation(
            renamed={"data": "../outside/stolen", "../outside/data": "stolen"}
        ),
        "rename into Git": _operation(renamed={".git/hooks/x": "mlops.toml"}),
        "rename onto itself": _operation(renamed={"data": "data", "a": "b", "b": "a"}),
        "staged option": _operation(files={"--all": new}, staged=True),
    }
    for path in (*PATHS, "../outside/secret.txt", "notes.txt"):
        found[f"made {path[:20]!r}"] = _operation(files={path: _move(b"not yours", None)})
        found[f"gone {path[:20]!r}"] = _operation(files={path: _move(None, b"x")})
        found[f"renamed {path[:20]!r}"] = _operation(renamed={path: "data", "x": path})
    return found


@pytest.mark.parametrize("part", range(2))
def test_operations(attack: Attack, scale: int, part: int) -> None:
    cases = []
    for number, (name, content) in enumerate(_operations().items()):
        if scale == 1 and number > 24 and number % 2:
            continue

        def plant(arena: Arena, content: bytes = content) -> None:
            _file(f"{STATE}/operations/00000099.json", content)(arena)

        cases.append(Case(name, plant, (("undo",), ("status",))))
    attack(cases[part::2])


def test_origins_and_notes(attack: Attack, scale: int) -> None:
    cases = []
    content = ["100644", HASH, 2]
    stored = [
        {"path": path, "content": content, "before": None}
        for path in (*PATHS[:: 4 // scale or 1], "data")
    ]
    stored += [
        {"path": "data", "content": ["999999", HASH, 2]},
        {"path": "data", "content": ["100644", "x", 2]},
        {"path": "data", "content": ["100644", HASH, -(2**70)]},
        {"path": "data", "content": []},
    ]
    for number, origin in enumerate(stored):
        path = str(origin["path"])
        text = json.dumps(origin).encode()

        def plant(arena: Arena, text: bytes = text, path: str = path) -> None:
            name = hash_bytes(path.encode())[:16].hex()
            _file(f"{STATE}/origins/{name}.json", text)(arena)
            _file(f"{STATE}/unfinished/00000000000000000001-a.json", _note(path))(arena)

        cases.append(Case(f"origin of {path[:20]!r}", plant, _choose(number, 2)))
    attack(cases)


def _note(path: str) -> bytes:
    return json.dumps({path: _move(None, sized(2).encode())}).encode()


def test_caches_and_marks(attack: Attack, scale: int) -> None:
    contents = [
        b"",
        b"\0" * 1000,
        b"\xff" * 100,
        b"[" * MANY,
        b"\x91" * MANY,
        b"9" * 5000,
        b"-1",
        b"\xc7",
    ]
    names = (
        *("stat-cache", "dirty-files", "dirty-notebooks", "recent-outputs", "environment"),
        *("undoing", "objects-synced", "moving.lock"),
    )
    cases = [
        Case(f"{name} {content[:8]!r}", _file(f"{STATE}/{name}", content), _choose(number + at, 2))
        for number, name in enumerate(names)
        for at, content in enumerate(contents)
        if scale > 1 or (number + at) % 2
    ]
    runs = ("../../x.jsonl", "x/\x1b.jsonl", "x/-.jsonl")
    cases += [
        Case(
            f"run {name!r}",
            _file(f".git/mlops/runs/{name}", b'{"step": 1e999}\n[[['),
            words("status"),
        )
        for name in runs
    ]
    attack(cases)


_RECORD = Path(".mlops/snapshot.json")


def _snapshot_of(content: bytes, name: str = "zzzzzzzzzzzz") -> Callable[[Arena], object]:
    """Return what leaves a ref of a snapshot whose record is ``content``."""

    def plant(arena: Arena) -> None:
        project = arena.project
        project.write("record", content)
        blob = project.git("hash-object", "-w", "--", "record").strip()
        inner = project.git("mktree", input=f"100644 blob {blob}\tsnapshot.json\n").strip()
        tree = project.git("mktree", input=f"040000 tree {inner}\t.mlops\n").strip()
        commit = project.git("commit-tree", "-m", "x", tree).strip()
        project.git("update-ref", f"refs/mlops/snapshots/{name}", commit)
        project.remove("record")

    return plant


def _record(arena: Arena) -> bytes:
    listed = arena.project.git(
        "for-each-ref", "--format=%(refname)", "refs/mlops/snapshots"
    ).split()
    return arena.project.git("cat-file", "blob", f"{listed[0]}:{_RECORD}").encode()


def _changed(change: Callable[[bytes], bytes]) -> Callable[[Arena], object]:
    def plant(arena: Arena) -> None:
        record = json.loads(_record(arena))
        record["id"] = "zzzzzzzzzzzz"
        text = json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        _snapshot_of(change(text.encode("utf-8", "backslashreplace")))(arena)

    return plant


def _with(**fields: object) -> Callable[[bytes], bytes]:
    def change(text: bytes) -> bytes:
        values = {**json.loads(text), **fields}
        text = json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
        return text

    return change


def test_records(attack: Attack, scale: int) -> None:
    odd = "\x1b[31m\u202e<script>\n--x"
    changes: dict[str, Callable[[bytes], bytes]] = {
        "as it is": lambda text: text,
        "id of another": lambda text: text.replace(b"zzzzzzzzzzzz", b"zzzzzzzzzzzy"),
        "nothing": lambda text: b"",
        "deep": lambda text: b"[" * MANY,
        "huge": lambda text: b" " * 70_000_000,
        "NULs": lambda text: b"\0" * 1000,
        "duplicate keys": lambda text: text.replace(b'"name"', b'"name": null,\n "name"'),
        "odd name": _with(name=odd),
        "name of another": _with(name="first"),
        "name as a ref": _with(name="HEAD"),
        "odd message": _with(message=odd * 100),
        "odd branch": _with(branch=f"--{odd}"),
        "odd cells": _with(cells=[odd] * 100, command=[odd] * 100),
        "odd metrics": _with(metrics={odd: 1.0, "x": "NaN", "": -0.0}),
        "odd params": _with(params={odd: odd, "": None}),
        "huge numbers": _with(params={"a": 10**4000}, metrics={"a": 1e308}),
        "base of nothing": _with(base="f" * 40),
        "base in words": _with(base="--all"),
        "notebook outside": _with(notebook="../../outside/secret.txt"),
        "paths outside": _with(
            paths=[{"path": "../x", "kind": "file", "hash": HASH, "files": 1, "size_bytes": 1}]
        ),
        "huge paths": _with(
            paths=[{"path": "x", "kind": "tree", "hash": HASH, "files": 2**62, "size_bytes": 2**62}]
        ),
        "early": _with(created_at="0001-01-01T00:00:00.000000Z"),
        "late": _with(created_at="9999-12-31T23:59:59.999999Z"),
        "newer": _with(format=1),
        "true": _with(format=True),
        "odd environment": _with(environment={odd: odd}),
        "odd left out": _with(left_out=[{"path": odd, "why": odd}] * 50),
    }
    commands = words(
        *("log", "snapshot list", "restore zzzzzzzzzzzz", "status", "snapshot name zzzzzzzzzzzz y"),
        *("snapshot drop zzzzzzzzzzzz", "diff zzzzzzzzzzzz", "snapshot branch zzzzzzzzzzzz b"),
        *("snapshot note zzzz x", "restore --code zzzzzzzzzzzz", "metrics diff zzzzzzzzzzzz"),
    )
    cases = [
        Case(
            name,
            _changed(change),
            tuple(commands[(number + step) % len(commands)] for step in range(1 + scale)),
        )
        for number, (name, change) in enumerate(changes.items())
    ]
    for number in range(10 * scale):
        cases.append(
            Case(
                f"mutation {number}",
                _changed(lambda text, seed=number: mutated(seed, [text], 1)[0]),  # type: ignore[misc]
                words("log", "restore zzzzzzzzzzzz"),
            )
        )
    attack(cases)


def test_refs(attack: Attack, scale: int) -> None:
    """References that name no commit, and such that Git would not have made."""

    def ref(name: str, what: str) -> Callable[[Arena], object]:
        def plant(arena: Arena) -> None:
            project = arena.project
            project.git("tag", "-a", "-m", "x", "annotated", "HEAD")
            named = project.git("rev-parse", what).strip()
            _file(f".git/{name}", f"{named}\n".encode())(arena)

        return plant

    snapshots = "refs/mlops/snapshots"
    named = {
        "blob": (f"{snapshots}/zzzzzzzzzzzz", "HEAD:train.py"),
        "tree": (f"{snapshots}/zzzzzzzzzzzz", "HEAD^{tree}"),
        "tag": (f"{snapshots}/zzzzzzzzzzzz", "annotated"),
        "plain commit": (f"{snapshots}/zzzzzzzzzzzz", "HEAD"),
        "option": (f"{snapshots}/--all", "HEAD"),
        "dash": (f"{snapshots}/-", "HEAD"),
        "deep": (f"{snapshots}/a/b/c", "HEAD"),
        "lock": (f"{snapshots}/zzzzzzzzzzzz.lock", "HEAD"),
        "control characters": (f"{snapshots}/\x1b[31m", "HEAD"),
        "dropped": ("refs/mlops/dropped/zzzzzzzzzzzz", "HEAD:train.py"),
        "fetched blob": ("refs/mlops/remotes/origin/zzzzzzzzzzzz", "HEAD:train.py"),
        "fetched from nowhere": ("refs/mlops/remotes/zzzzzzzzzzzz", "HEAD"),
        "branch with a dash": ("refs/heads/-x", "HEAD"),
        "branch as an option": ("refs/heads/--output=pwned", "HEAD"),
        "branch HEAD": ("refs/heads/HEAD", "HEAD~"),
        "branch as an id": (f"refs/heads/{'a' * 40}", "HEAD~"),
        "branch first": ("refs/heads/first", "HEAD~"),
        "branch as a command": ("refs/heads/$(touch${IFS}pwned)", "HEAD~"),
        "branch not UTF-8": ("refs/heads/a\udcff", "HEAD~"),
        "branch that is a blob": ("refs/heads/blob", "HEAD:train.py"),
        "tag as an option": ("refs/tags/--all", "HEAD"),
        "remote": ("refs/remotes/origin/--x", "HEAD"),
        "stash": ("refs/stash", "HEAD:train.py"),
    }

    def fetched(remote: str) -> Callable[[Arena], object]:
        def plant(arena: Arena) -> None:
            listed = arena.project.git(
                "for-each-ref", "--format=%(objectname) %(refname)", snapshots
            )
            for line in listed.splitlines():
                oid, name = line.split(" ")
                moved = f"refs/mlops/remotes/{remote}/{name.rpartition('/')[2]}"
                _file(f".git/{moved}", f"{oid}\n".encode())(arena)
                arena.project.git("update-ref", "-d", name)

        return plant

    commands = words(
        *("log", "snapshot list", "status", "restore zzzzzzzzzzzz", "restore first", "snapshot"),
        *(
            "snapshot drop zzzzzzzzzzzz",
            "metrics history",
            "snapshot branch zzzzzzzzzzzz b",
            "undo",
        ),
        *(
            "metrics chart --metric loss",
            "metrics history --branch -x",
            "restore --code zzzzzzzzzzzz",
        ),
    )
    chosen = min(len(commands), 2 + 2 * scale)
    cases = [
        Case(name, ref(*what), (commands * 2)[number % 13 :][:chosen])
        for number, (name, what) in enumerate(named.items())
    ]
    remotes = ("--all", "\x1b[31m\u202e", "<script>", "x/bundles", "bundles", "$(touch${IFS}pwned)")
    cases += [
        Case(
            f"fetched from {remote!r}",
            fetched(remote),
            words("log", "restore first", "snapshot drop first", "undo", "snapshot name first y"),
        )
        for remote in remotes
    ]
    broken = {
        "HEAD of nothing": (".git/HEAD", b"ref: refs/heads/nowhere\n"),
        "HEAD outside": (".git/HEAD", b"ref: ../../outside/secret.txt\n"),
        "HEAD as an option": (".git/HEAD", b"ref: refs/heads/--all\n"),
        "HEAD broken": (".git/HEAD", b"\0\0\0"),
        "snapshot of nothing": (f".git/{snapshots}/zzzzzzzzzzzz", b"f" * 40 + b"\n"),
        "snapshot in a circle": (f".git/{snapshots}/a", f"ref: {snapshots}/a\n".encode()),
        "snapshot broken": (f".git/{snapshots}/zzzzzzzzzzzz", b"\0" * 41),
        "index broken": (".git/index", b"DIRC\0\0\0\2\xff\xff\xff\xff"),
        "packed refs": (".git/packed-refs", b"# pack-refs with: sorted\n" + b"x" * 1000),
    }
    cases += [
        Case(name, _file(*what), words("status", "log", "restore")) for name, what in broken.items()
    ]
    attack(cases)
