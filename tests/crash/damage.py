"""A project with content of every kind, damaged in one file at a time.

``python -m tests.crash.damage`` damages packs in a process of its own whose reader trusts them.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from jupyter_mlops.commands.diff import diff
from jupyter_mlops.commands.log import log
from jupyter_mlops.errors import IntegrityError, MlopsError
from jupyter_mlops.formats.chunking import iter_cuts
from jupyter_mlops.formats.index import Place
from jupyter_mlops.formats.manifest import ChunkRef, FileManifest, encode_file_manifest
from jupyter_mlops.formats.pack import Codec, RecordKind
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects import records
from jupyter_mlops.objects.outputs import read_outputs, write_outputs
from jupyter_mlops.objects.packs import decode_place, pack_path
from jupyter_mlops.objects.reader import read_file
from jupyter_mlops.objects.writer import open_writer
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.tracked import read_tree_pointers
from tests.crash.model import Content, content_at, content_of, quick_folder
from tests.support.data_project import STATE, DataProject, make_data_project
from tests.support.later import LATER, run_at

TRACKED = ("big.bin", "data", "model.bin", "plain.bin", "wide")
_MARKS = ("objects-synced", "environment", "dirty-files", "dirty-notebooks", "recent-outputs")
OLD, NEW = "old", "new"
OUTPUTS_KEY = hash_bytes(b"a stripped notebook")
OUTPUTS = b'{"created_at": "2026-01-01T00:00:00Z", "outputs": "kept"}'

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """The project, what its two snapshots hold, and what it held before the second."""

    project: DataProject
    holds: dict[str, dict[str, Content]]
    older: Path


def make_sample(folder: Path) -> Sample:
    """Make a project with two snapshots and all that commands leave in its state folder."""
    chance = random.Random(5)
    project = make_data_project(folder / "project")
    shutil.rmtree(project.root / ".git/hooks")
    _keep_plain(project, chance.randbytes(300_000))
    for number in range(6):
        project.write(f"data/part-{number}", chance.randbytes(200) + bytes(300))
        project.write(f"data/text/{number}.csv", b"a,b,c\n" * (10 + number))
    project.write("data/run.sh", b"#!/bin/sh\n").chmod(0o755)
    project.write("big.bin", chance.randbytes(1_300_000))
    project.write("model.bin", b"the older model")
    for number in range(12):
        project.write(f"wide/{number:03}", b"%d" % number)
    run_at(project.root, LATER, "snapshot", *TRACKED, "--name", OLD, "--commit")
    project.restore("HEAD")
    holds = {OLD: _contents(project)}
    older = folder / "older"
    shutil.copytree(project.root, older, symlinks=True)
    project.write("model.bin", b"the newer model")
    project.write("data/part-0", chance.randbytes(500))
    project.remove("data/part-1")
    run_at(project.root, LATER, "snapshot", "--name", NEW, "--commit")
    holds[NEW] = _contents(project)
    project.restore(OLD, "model.bin")
    project.restore("HEAD")
    with open_writer(project.open().store) as writer:
        write_outputs(writer, OUTPUTS_KEY, OUTPUTS)
        writer.finish()
    assert set(project.states().values()) == {"clean"}
    return Sample(project, holds, older)


def _keep_plain(project: DataProject, content: bytes) -> None:
    """Keep a file as a plain pack, as a store on a disk that clones does."""
    store = project.open().store
    refs = []
    start = 0
    for length in iter_cuts(content):
        refs.append(ChunkRef(hash_bytes(content[start : start + length]), length))
        start += length
    id = hash_bytes(content)
    with open_writer(store) as writer:
        manifest = FileManifest(len(content), tuple(refs))
        writer.add_bytes(RecordKind.FILE, id, encode_file_manifest(manifest))
        writer.finish()
    pack = pack_path(store.folder, id, True)
    pack.parent.mkdir(parents=True, exist_ok=True)
    pack.write_bytes(content)
    shutil.rmtree(store.index_folder)
    project.write("plain.bin", content)


def _contents(project: DataProject) -> dict[str, Content]:
    files = project.files()
    found = {path: content_at(files, path) for path in TRACKED}
    return {path: content for path, content in found.items() if content is not None}


def victims(sample: Sample) -> dict[str, list[str]]:
    """Return the files to be damaged, by what they are."""
    root, git = sample.project.root, sample.project.git
    ids = git("for-each-ref", "--format=%(refname)", "refs/mlops/snapshots").split()
    objects = git("rev-list", "--objects", *ids, "--not", "--branches").split("\n")
    names = [line.split(" ")[0] for line in objects if line]
    blobs = [line.split(" ")[0] for line in objects if line.endswith((".mlops", ".json"))]

    def loose(names: Iterable[str]) -> list[Path]:
        return [root / ".git/objects" / name[:2] / name[2:] for name in names]

    found = {
        "pack": sorted(root.glob(".git/mlops/packs/*/*.pack")),
        "plain pack": sorted(root.glob(".git/mlops/packs/*/*.plain")),
        "index": sorted(root.glob(".git/mlops/index/*.idx")),
        "format": [root / ".git/mlops/format"],
        "pointer": [root / f"{path}.mlops" for path in TRACKED],
        "stat cache": [root / STATE / "stat-cache"],
        "origin": sorted((root / STATE / "origins").iterdir()),
        "operation": sorted((root / STATE / "operations").iterdir()),
        "mark": [root / STATE / name for name in _MARKS],
        "snapshot ref": [root / ".git" / name for name in ids],
        "snapshot object": loose(names),
        "snapshot blob": loose(blobs),
    }
    return {
        what: [path.relative_to(root).as_posix() for path in paths if path.exists()]
        for what, paths in found.items()
    }


WAYS = ("flip", "cut", "zeros", "delete", "swap", "extend", "older", "unreadable")
"""``unreadable``: a folder stands in the place of the file."""

PRIVATE = ("origin", "operation", "mark", "stat cache", "snapshot ref")
"""Files of ours that nothing but our commands and Git opens; a folder never takes their place."""


def damage(sample: Sample, root: Path, name: str, way: str, chance: random.Random) -> list[Path]:
    """Damage a file in a copy of the project; return the files that are no longer as they were."""
    target = root / name
    before = target.read_bytes()
    touched = [target]
    if way == "delete":
        target.unlink()
    elif way == "unreadable":
        target.unlink()
        target.mkdir()
    elif way == "swap":
        beside = [path for path in sorted(target.parent.iterdir()) if path.is_file()]
        near = beside if len(beside) > 1 else sorted(target.parent.parent.rglob("*"))
        alike = [path for path in near if path.is_file() and path.suffix == target.suffix]
        others = [path for path in alike if path.read_bytes() != before]
        if not others:
            return []
        touched.append(chance.choice(others))
        _write(target, touched[1].read_bytes())
        _write(touched[1], before)
    else:
        body = _damage_bytes(before, way, sample.older / name, chance)
        if body == before:
            return []
        _write(target, body)
    return touched


def _damage_bytes(before: bytes, way: str, older: Path, chance: random.Random) -> bytes:
    if way == "older":
        return older.read_bytes() if older.is_file() else b""
    if way == "extend":
        return before + chance.randbytes(chance.randrange(1, 100))
    if not before:
        return b"x"
    body = bytearray(before)
    at = chance.randrange(len(body))
    if way == "flip":
        body[at] ^= 1 << chance.randrange(8)
    elif way == "cut":
        del body[at:]
    else:
        end = min(len(body), at + chance.randrange(1, 600))
        body[at:end] = bytes(end - at)
    return bytes(body)


def _write(path: Path, body: bytes) -> None:
    mode = path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(body)
    path.chmod(mode)


def _put_back(sample: Sample, root: Path, touched: list[Path]) -> None:
    for path in touched:
        if path.is_dir():
            path.rmdir()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        shutil.copy2(sample.project.root / path.relative_to(root), path)


def read_snapshot(
    project: DataProject, name: str, paths: tuple[str, ...] = ()
) -> list[tuple[str, Content]]:
    """Return what a snapshot holds, at some paths or at all, read through the library."""
    ws = project.open()
    pointers = read_tree_pointers(open_tree(ws.git, resolve_revision(ws.git, name)))
    found = []
    for path, pointer in pointers.items():
        if path in paths or not paths:
            entries = read_entries(ws.store, pointer)
            found.append((path, content_of(entries, lambda entry: read_file(ws.store, entry))))
    return found


def try_damage(
    sample: Sample, what: str, name: str, way: str, chance: random.Random
) -> bool | None:
    """Damage one file, run every command, put it back; return whether reading met the damage.

    None when the file is as before. Each command gives what is right or a refusal that says what
    to do; none loses or changes a file of the user's; afterwards all is as before the damage.

    Raises:
        AssertionError: a command did something else.
    """
    with tempfile.TemporaryDirectory(dir=quick_folder()) as top:
        project = sample.project.copy(Path(top) / "copy")
        touched = damage(sample, project.root, name, way, chance)
        if not touched:
            return None
        found = _meets_damage(sample, project)
        _run_commands(sample, project, what)
        _put_back(sample, project.root, touched)
        _check_whole(sample, project)
        return found


def _meets_damage(sample: Sample, project: DataProject) -> bool:
    """Return whether not all that the snapshots name can be read; what is read is right."""
    met = False
    for name in (OLD, NEW):
        read = _attempt(partial(read_snapshot, project, name))
        met = met or read is None
        for path, content in read or []:
            assert content == sample.holds[name][path], (name, path)
    return met


def _run_commands(sample: Sample, project: DataProject, what: str) -> None:
    now = _contents(project)
    states = _attempt(project.states)
    if states is not None and what not in ("pointer", "origin"):
        assert set(states.values()) == {"clean"}, states
    _attempt(lambda: log(project.open()))
    _attempt(lambda: diff(project.open(), OLD, NEW))
    _attempt(lambda: _check_outputs(project))
    assert _contents(project) == now
    _check_restore(sample, project, ())
    project.write("model.bin", b"unsaved work")
    project.write("data/part-2", b"unsaved work")
    _check_restore(sample, project, (OLD, "model.bin", "data"))
    project.write("model.bin", b"newest work")
    taken = _attempt(lambda: project.snapshot("model.bin", keep_mine=True))
    assert project.read("model.bin") == b"newest work"
    if taken is not None:
        read = dict(_attempt(partial(read_snapshot, project, taken.id, ("model.bin",))) or [])
        expected = (False, frozenset({("", b"newest work")}))
        assert read.get("model.bin", expected) == expected
    _attempt(project.undo)


def _check_restore(sample: Sample, project: DataProject, words: tuple[str, ...]) -> None:
    """A restore brings what the snapshot holds, or changes nothing; what it takes away is kept."""
    before = _contents(project)
    result = _attempt(lambda: project.restore(*words))
    after = _contents(project)
    if result is None:
        assert after == before
        return
    for path in words[1:]:
        assert after[path] == sample.holds[words[0]][path], path
    known = [holds[path] for holds in sample.holds.values() for path in holds]
    lost = [path for path in before if after.get(path) != before[path] not in known]
    if lost:
        assert result.saved_as is not None
        kept = _attempt(partial(read_snapshot, project, result.saved_as, tuple(lost)))
        for path, content in kept or []:
            assert content == before[path], path


def _check_outputs(project: DataProject) -> None:
    assert read_outputs(project.open().store, OUTPUTS_KEY) in (OUTPUTS, None)


def _attempt(command: Callable[[], T]) -> T | None:
    """Return what a command returns; None when it refuses and says why and what to do."""
    try:
        return command()
    except MlopsError as error:
        assert error.exit_status in (2, 3, 4, 5, 6), repr(error)
        assert error.hints, repr(error)
        return None


def _check_whole(sample: Sample, project: DataProject) -> None:
    """All is right again once the damage is put back."""
    assert dict(read_snapshot(project, OLD)) == sample.holds[OLD]
    project.restore(NEW)
    assert _contents(project) == sample.holds[NEW]
    assert set(project.states().values()) == {"clean"}
    assert project.leftovers() == []


def _trust_packs() -> None:
    """Let the reader take what packs hold for what the index says of it."""

    def trust(
        view: bytes | memoryview, base_offset: int, place: Place, id: Hash, origin: str
    ) -> bytes:
        try:
            return decode_place(view, base_offset, place, id, origin)
        except IntegrityError:
            if place.codec is not Codec.RAW:
                raise
            start = place.offset - base_offset + (0 if place.plain else 52)
            return bytes(view[start : start + place.plain_bytes])

    for owner, name in ((records, "decode_place"),):
        setattr(owner, name, trust)


def main() -> None:
    """Damage packs where the reader trusts them."""
    _trust_packs()
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        sample = make_sample(Path(folder))
        chance = random.Random(1)
        for name in victims(sample)["pack"] * 5:
            try_damage(sample, "pack", name, "flip", chance)


if __name__ == "__main__":
    main()
