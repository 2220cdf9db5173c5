"""A project under many commands in any order, beside a model of what it must hold.

The model knows bytes only: for each pointer file which content it stands for, for each snapshot
and commit what it must restore, for each worktree where its data came from. It reads the disk and
asks Git; it never asks the package what it thinks.

``python -m tests.crash.model SEED EXAMPLES HOOKS [BROKEN]`` runs it in a process of its own.
"""

from __future__ import annotations

import copy
import dataclasses
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jupyter_mlops.commands.diff import diff
from jupyter_mlops.commands.gc import GcResult, gc
from jupyter_mlops.commands.hook import hook
from jupyter_mlops.commands.move import move
from jupyter_mlops.commands.restore import restore
from jupyter_mlops.commands.snapshot import SnapshotResult
from jupyter_mlops.commands.snapshot_branch import snapshot_branch
from jupyter_mlops.commands.snapshot_drop import snapshot_drop
from jupyter_mlops.commands.untrack import untrack
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files import walk
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import decode_pointer
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.objects.reader import read_file
from jupyter_mlops.snapshots import restore as restoring
from jupyter_mlops.snapshots import scan, status
from jupyter_mlops.snapshots import undo as undoing
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.operations import Operation
from jupyter_mlops.snapshots.states import State, decide_state
from jupyter_mlops.snapshots.tracked import read_tree_pointers
from tests.support.data_project import STATE, DataProject, make_data_project
from tests.support.project import Project

Files = dict[str, bytes | str]
"""All files beneath a folder, as ``DataProject.files`` returns them."""

Content = tuple[bool, frozenset[tuple[str, bytes | str]]]
"""What is at a tracked path: whether it is a folder, and its files by name."""

T = TypeVar("T")

HOOKS = ("none", "called", "real")
"""Git runs no hook; what its hooks start is called after it; Git runs our hooks itself."""

STEPS = 50
PATHS = ("data", "model.bin", "deep/er/part", "moved", "deep/moved")
"""What may become tracked; the first three are there from the beginning."""

INNER = ("a.csv", "sub/b.csv", "sub/deep/c.csv", "d")
SIZES = (0, 40, 40, 40, 3000, 90_000)
REFUSALS = {
    "branch": {"name-taken", "unknown-snapshot"},
    "drop": {"unknown-snapshot"},
    "move": {
        *("path-exists", "path-not-found", "path-not-tracked", "path-nested", "not-a-file"),
        "path-ignored",
    },
    "restore": {
        *("path-nested", "path-not-tracked", "pointer-in-conflict", "tracked-by-git"),
        "not-a-file",
    },
    "snapshot": {
        *("stale", "path-not-found", "path-nested", "tracked-by-git", "path-ignored"),
        *("operation-in-progress", "pointer-in-conflict"),
    },
    "undo": {"nothing-to-undo", "undo-moved", "content-missing", "trash-emptied", "commit-gone"},
    "untrack": {"path-not-tracked"},
}
"""Codes with which a command may refuse, in a project that nothing is wrong with."""

DROPPED = "refs/mlops/dropped/"
_WORD = re.compile(r"^[a-z]+(-[a-z0-9]+)*$")
_CONFLICT = b"<<<<<<< "


def content_at(files: Mapping[str, bytes | str], path: str) -> Content | None:
    """Return what ``files`` have at ``path``."""
    alone = files.get(path)
    if alone is not None:
        return (True, frozenset()) if alone == "dir" else (False, frozenset({("", alone)}))
    prefix = path + "/"
    inside = {(n.removeprefix(prefix), c) for n, c in files.items() if n.startswith(prefix)}
    return (True, frozenset(inside)) if inside else None


def content_of(entries: Mapping[str, Entry], read: Callable[[Entry], bytes]) -> Content:
    """Return the content that ``entries`` name, read by ``read``."""
    found: set[tuple[str, bytes | str]] = set()
    for name, entry in entries.items():
        if entry.mode is Mode.FOLDER:
            found.add((name, "dir"))
        elif entry.mode is Mode.SYMLINK:
            found.add((name, f"-> {read(entry).decode()}"))
        else:
            mark = b"x:" if entry.mode is Mode.EXECUTABLE else b""
            found.add((name, mark + read(entry)))
    return "" not in entries, frozenset(found)


@dataclass
class Seen:
    """All that a command may move, as it was at one moment."""

    files: Files
    staged: str
    refs: dict[str, str]
    head: str

    def data(self) -> dict[str, Content]:
        """Return what is at each path that may be tracked."""
        found = {path: content_at(self.files, path) for path in PATHS}
        return {path: content for path, content in found.items() if content is not None}


@dataclass
class Done:
    """The last command of a worktree that can be taken back."""

    before: Seen
    after: Seen
    origins: dict[str, tuple[Content | None, Content | None]]
    moment: int


@dataclass
class Place:
    """One worktree: its commands, and where its data came from."""

    project: DataProject
    origins: dict[str, Content] = field(default_factory=dict)
    done: Done | None = None
    staged: str | None = None


class ProjectMachine(RuleBasedStateMachine):
    """Edits, our commands and Git's in any order; after each of them the project is looked at."""

    hooks = "none"
    top = Path()
    template: Path | None = None
    learned: Any = None
    steps_run = 0
    tally: dict[str, int] = {}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.top))
        self.places: list[Place] = []
        self.checker: DataProject | None = None
        self.meaning: dict[bytes, Content] = {}
        self.encoding: dict[Content, bytes] = {}
        self.holds: dict[str, dict[str, Content]] = {}
        self.keepers: dict[tuple[str, Content], set[str]] = {}
        self.refs: dict[str, str] | None = None
        self.moment = 0
        self.count = 0
        self.first = ""

    # --- What there is -------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        """Begin with two branches, each with a state of its own of three tracked paths."""
        cls = type(self)
        if cls.template is None:
            template = Path(tempfile.mkdtemp(dir=self.top)) / "project"
            self._make_template(template)
            cls.template = template
            cls.learned = copy.deepcopy(
                (self.meaning, self.encoding, self.holds, self.keepers, self.first, self.places[0])
            )
        target = self.folder / "project"
        project = DataProject(cls.template).copy(target)
        self.meaning, self.encoding, self.holds, self.keepers, self.first, place = copy.deepcopy(
            cls.learned
        )
        self.places = [Place(project, place.origins, place.done)]
        self._forget_seen()

    def _make_template(self, folder: Path) -> None:
        project = make_data_project(folder)
        shutil.rmtree(project.root / ".git/hooks")
        # Without this a snapshot keeps what is not tracked as code, and a branch made of it too.
        project.write(".git/info/exclude", "".join(f"/{path}\n" for path in PATHS))
        self.first = project.head()
        at = Place(project)
        self.places = [at]
        for number, name in enumerate((*INNER, "../model.bin", "../deep/er/part")):
            project.write(os.path.normpath(f"data/{name}"), self._bytes(number))
        self._snapshot(at, PATHS[:3], commit=True)
        if self.hooks == "real":
            project.mlops("init")
            project.commit("Set up")
        self._git(at, ("switch", "--quiet", "--create", "topic-0"))
        for branch, numbers in (("topic-0", (20, 21)), ("main", (22, 23))):
            self._git(at, ("switch", "--quiet", branch))
            self._restore(0, None, [], False)
            project.write("data/a.csv", self._bytes(numbers[0]))
            project.write("model.bin", self._bytes(numbers[1]))
            self._snapshot(at, (), commit=True)

    def teardown(self) -> None:
        """Read all that was ever kept."""
        try:
            if self.places:
                self._check_kept(self._lasting_oids())
                self._restore_elsewhere(0)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _bytes(self, number: int) -> bytes:
        """Return one of a few contents, many of one size."""
        size = SIZES[number % len(SIZES)]
        return (b"%04d," % number * (size // 5 + 1))[:size]

    def _place(self, number: int) -> Place:
        return self.places[number % len(self.places)]

    def _see(self, place: Place) -> Seen:
        if place.staged is None:
            place.staged = place.project.git("ls-files", "--stage")
        git = place.project.root / ".git"
        state = git if git.is_dir() else Path(git.read_text().split(": ")[1].strip())
        head = (state / "HEAD").read_text()
        return Seen(place.project.files(), place.staged, self._see_refs(), head)

    def _see_refs(self) -> dict[str, str]:
        if self.refs is None:
            told = self.places[0].project.git(
                "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/mlops"
            )
            lines = (line.split() for line in told.splitlines())
            self.refs = {name: oid for name, oid in lines}
        return self.refs

    def _lasting_oids(self) -> set[str]:
        """Return the commits of branches and snapshots; of dropped ones the data may be gone."""
        refs = self._see_refs().items()
        return {oid for name, oid in refs if not name.startswith(DROPPED)}

    def _forget_seen(self) -> None:
        self.refs = None
        self.moment += 1
        for place in self.places:
            place.staged = None

    def _kept_refs(self, seen: Seen) -> set[str]:
        return {oid for name, oid in seen.refs.items() if name.startswith("refs/mlops/snapshots/")}

    def _is_kept(self, path: str, content: Content, kept: set[str]) -> bool:
        """Return whether one of the snapshots ``kept``, or a commit of a branch, has a content."""
        if self.keepers.get((path, content), set()) & kept:
            return True
        encoded = self.encoding.get(content)
        if encoded is None:
            return False
        git = self.places[0].project.git
        oid = git("hash-object", "--stdin", input=encoded.decode()).strip()
        words = ("log", "--branches", "-1", "--format=%H", f"--find-object={oid}")
        return bool(git(*words, "--", f"{path}.mlops").strip())

    def _pointers(self, seen: Seen, place: Place) -> dict[str, bytes]:
        """Return the pointer files of the tracked paths."""
        listed = {line.partition("\t")[2] for line in seen.staged.splitlines()}
        found = {}
        for name, encoded in seen.files.items():
            path = name.removesuffix(".mlops")
            known = name in listed or path in place.origins
            if path != name and known and isinstance(encoded, bytes):
                found[path] = encoded
        return found

    def _pointer_blobs(self, oid: str) -> dict[str, Content]:
        """Return what the pointer files of a commit stand for."""
        held = self.holds.get(oid)
        if held is not None:
            return held
        git = self.places[0].project.git
        found: dict[str, Content] = {}
        for line in git("ls-tree", "-r", oid).splitlines():
            described, name = line.split("\t")
            if name.endswith(".mlops"):
                encoded = git("cat-file", "blob", described.split()[2]).encode()
                if _CONFLICT not in encoded:
                    found[name.removesuffix(".mlops")] = self.meaning[encoded]
        self.holds[oid] = found
        return found

    def _learn(self, path: str, oid: str, content: Content, encoded: bytes) -> None:
        """Note that a pointer file stands for ``content``, which the snapshot ``oid`` keeps."""
        assert self.meaning.setdefault(encoded, content) == content, path
        assert self.encoding.setdefault(content, encoded) == encoded, path
        self.keepers.setdefault((path, content), set()).add(oid)

    def _learn_merged(self, at: Place, seen: Seen) -> None:
        """Note what pointer files stand for that Git has merged as text, without a conflict."""
        for path, encoded in self._pointers(seen, at).items():
            if _CONFLICT in encoded or encoded in self.meaning:
                continue
            store = at.project.open().store
            entries = read_entries(store, decode_pointer(encoded, origin=path))
            self.meaning[encoded] = content_of(entries, partial(read_file, store))

    @invariant()
    def count_steps(self) -> None:
        """Count the step that was taken; what must hold was looked at in it."""
        type(self).steps_run += 1

    # --- What must hold ------------------------------------------------------------------------

    def _word(self, place: Place, path: str, encoded: bytes, content: Content | None) -> str:
        if _CONFLICT in encoded:
            return "diverged"
        pointer, origin = self.meaning[encoded], place.origins.get(path)
        if content is None:
            return "missing"
        if content == pointer:
            return "clean"
        if origin is None:
            return "diverged"
        if origin == pointer:
            return "changed"
        return "behind" if content == origin else "diverged"

    def _words(self, place: Place, seen: Seen) -> dict[str, str]:
        data = seen.data()
        return {
            path: self._word(place, path, encoded, data.get(path))
            for path, encoded in self._pointers(seen, place).items()
        }

    def _check_states(self, place: Place, seen: Seen) -> None:
        words = self._words(place, seen)
        states = place.project.states()
        assert states == words, (states, words)
        for word in words.values():
            self._tally(word)

    def _check_nothing_lost(self, before: Seen, after: Seen) -> None:
        """What was at a path is there, or at another one, or in a snapshot that has a ref."""
        there, kept = after.data(), self._kept_refs(after)
        for path, content in before.data().items():
            if content in there.values() or _holds(there.get(path), content):
                continue
            assert self._is_kept(path, content, kept), f"{path} was lost"
        ours = (".mlops", ".gitignore")
        for name, body in before.files.items():
            if not name.endswith(ours) and body != "dir" and not _is_data(name):
                assert after.files.get(name) == body, name

    def _check_kept(self, oids: Iterable[str]) -> None:
        """Read what commits name through the library."""
        ws = self.places[0].project.open()
        for oid in dict.fromkeys(oids):
            pointers = read_tree_pointers(open_tree(ws.git, oid))
            expected = self._pointer_blobs(oid)
            assert pointers.keys() == expected.keys()
            for path, pointer in pointers.items():
                entries = read_entries(ws.store, pointer)
                assert content_of(entries, lambda e: read_file(ws.store, e)) == expected[path], path

    def _restore_elsewhere(self, number: int) -> None:
        """Restore a snapshot in a worktree that is there for that alone."""
        main = self.places[0].project
        oids = [oid for name, oid in self._see_refs().items() if name.startswith("refs/mlops/s")]
        if not oids:
            return
        if self.checker is None:
            made = main.worktree(self.folder / "checker", "HEAD")
            self.checker = DataProject(made.root, main.clock)
        oid = oids[number % len(oids)]
        self.checker.git("checkout", "--quiet", "--force", oid)
        expected = self._pointer_blobs(oid)
        for path in PATHS:
            if path not in expected and (self.checker.root / path).exists():
                self.checker.remove(path)
        self.checker.restore()
        files = self.checker.files()
        for path, content in expected.items():
            assert content_at(files, path) == content, path
        self._note_saved(self.checker)
        assert set(self.checker.states().values()) <= {"clean"}

    def _note_saved(self, project: DataProject) -> None:
        """Learn of snapshots that a command took by itself in another worktree."""
        self.refs = None
        for name, oid in self._see_refs().items():
            if name.startswith("refs/mlops/") and oid not in self.holds:
                self._pointer_blobs(oid)

    def _run(
        self,
        place: Place,
        what: str,
        command: Callable[[], T],
        note: Callable[[T, Seen, Seen], Iterable[str]] = lambda result, before, after: (),
        *,
        may_refuse: bool = True,
    ) -> T | None:
        """Run a command of ours and look at all that it did; ``note`` returns whose origins it set.

        None when it refused, which leaves everything as it was.
        """
        before = self._see(place)
        origins = dict(place.origins)
        try:
            result = command()
        except MlopsError as error:
            assert may_refuse, error.message
            assert error.code in REFUSALS[what], (error.code, error.message)
            assert _WORD.match(error.code)
            self._tally(f"{what} refused: {error.code}")
            self._forget_seen()
            assert self._see(place) == before, (what, error.code)
            assert place.project.leftovers() == []
            return None
        self._forget_seen()
        after = self._see(place)
        paths = list(note(result, before, after))
        self._check_nothing_lost(before, after)
        assert place.project.leftovers() == []
        if what not in ("undo", "gc") and (
            before.files != after.files or before.refs != after.refs
        ):
            moved = {path: (origins.get(path), place.origins.get(path)) for path in paths}
            place.done = Done(before, after, moved, self.moment)
        self._check_states(place, after)
        self._tally(what)
        return result

    def _tally(self, what: str) -> None:
        self.tally[what] = self.tally.get(what, 0) + 1

    def _note_automatic(self, before: Seen, after: Seen) -> None:
        """Learn of the snapshot of overwritten data: it holds what was on disk."""
        data = before.data()
        for name, oid in after.refs.items():
            if not name.startswith("refs/mlops/snapshots/") or oid in self.holds:
                continue
            git = self.places[0].project.git
            for line in git("ls-tree", "-r", oid).splitlines():
                described, file = line.split("\t")
                path = file.removesuffix(".mlops")
                if path == file or path not in data:
                    continue
                encoded = git("cat-file", "blob", described.split()[2]).encode()
                if encoded not in self.meaning:
                    self._learn(path, oid, data[path], encoded)
                self.keepers.setdefault((path, self.meaning[encoded]), set()).add(oid)
            self._pointer_blobs(oid)

    # --- What people do to their files ---------------------------------------------------------

    @rule(
        place=st.integers(0, 1),
        name=st.sampled_from([*(f"data/{name}" for name in INNER), "model.bin", "deep/er/part"]),
        number=st.integers(0, 30),
    )
    def write(self, place: int, name: str, number: int) -> None:
        """Write a file anew."""
        project = self._place(place).project
        self._make_way(project, name)
        project.write(name, self._bytes(number))

    def _make_way(self, project: DataProject, name: str) -> None:
        for parent in (*reversed(Path(name).parents[:-1]), Path(name)):
            full = project.root / parent
            in_the_way = full.is_symlink() or (full.is_file() and str(parent) != name)
            if in_the_way or (str(parent) == name and full.is_dir()):
                project.remove(str(parent))

    @rule(
        place=st.integers(0, 1),
        number=st.integers(0, 40),
        kind=st.sampled_from(["in secret", "time", "delete", "rename", "execute bit"]),
    )
    def change(self, place: int, number: int, kind: str) -> None:
        """Change a file in one of the ways that are easily missed."""
        project = self._place(place).project
        names = sorted(n for n, body in project.files().items() if _is_data(n) and body != "dir")
        files = [project.root / n for n in names if not (project.root / n).is_symlink()]
        if not files:
            return
        file = files[number % len(files)]
        if kind == "in secret":
            _change_in_secret(file, number)
        elif kind == "time":
            when = file.stat().st_mtime_ns + (number % 3 - 1) * 400 * 86_400_000_000_000
            os.utime(file, ns=(when, when))
        elif kind == "execute bit":
            file.chmod(file.stat().st_mode ^ 0o111)
        elif kind == "rename":
            target = project.root / "data" / INNER[number % len(INNER)]
            inside = file.is_relative_to(project.root / "data") and target.parent.is_dir()
            if inside and not target.exists():
                file.rename(target)
        else:
            file.unlink()
            if number % 2:
                _remove_empty(file.parent, project.root)

    @rule(place=st.integers(0, 1), kind=st.sampled_from(["link", "folder", "file", "gone"]))
    def replace(self, place: int, kind: str) -> None:
        """Put a link or an empty folder into the folder, a file in its place, or take it away."""
        project = self._place(place).project
        name = {"link": "data/link", "folder": "data/empty"}.get(kind, "data")
        if name == "data":
            if os.path.lexists(project.root / "data"):
                project.remove("data")
            if kind == "file":
                project.write("data", self._bytes(7))
            return
        self._make_way(project, name)
        (project.root / "data").mkdir(exist_ok=True)
        if kind == "link":
            (project.root / name).symlink_to("a.csv")
        else:
            (project.root / name).mkdir()

    # --- Our commands --------------------------------------------------------------------------

    @rule(
        place=st.integers(0, 1),
        numbers=st.lists(st.integers(0, 15), max_size=2, unique=True),
        named=st.booleans(),
        commit=st.booleans(),
        keep_mine=st.booleans(),
    )
    def snapshot(
        self, place: int, numbers: list[int], named: bool, commit: bool, keep_mine: bool
    ) -> None:
        """Take a snapshot of some paths, or of all."""
        at = self._place(place)
        seen = self._see(at)
        words, there = self._words(at, seen), sorted(seen.data())
        others = ["data/sub", "nothing"]
        paths = [there[n % len(there)] if n and there else others[len(there) % 2] for n in numbers]
        chosen = paths or sorted(words)
        stale = {path for path in chosen if words.get(path) in ("behind", "diverged")}
        if "data/sub" in paths and "data" not in words:
            return
        paths = list(dict.fromkeys(paths))
        self.count += 1
        name = f"n{self.count}" if named else None
        taken = self._snapshot(at, paths, name=name, commit=commit, keep_mine=keep_mine)
        if stale and not keep_mine:
            assert not taken, stale

    def _snapshot(
        self,
        at: Place,
        paths: Iterable[str],
        *,
        name: str | None = None,
        commit: bool = False,
        keep_mine: bool = False,
    ) -> bool:
        def take() -> SnapshotResult:
            return at.project.snapshot(*paths, name=name, commit=commit, keep_mine=keep_mine)

        def note(result: SnapshotResult, before: Seen, after: Seen) -> Iterable[str]:
            return self._note_snapshot(at, result, before, after)

        return self._run(at, "snapshot", take, note) is not None

    def _note_snapshot(
        self, at: Place, result: SnapshotResult, before: Seen, after: Seen
    ) -> list[str]:
        assert before.data() == after.data()
        oid = after.refs[f"refs/mlops/snapshots/{result.id}"]
        for one in result.paths:
            encoded = after.files[f"{one.path}.mlops"]
            assert isinstance(encoded, bytes)
            self._learn(one.path, oid, after.data()[one.path], encoded)
            at.origins[one.path] = after.data()[one.path]
        return [one.path for one in result.paths]

    @rule(place=st.integers(0, 1), commit=st.booleans())
    def snapshot_all(self, place: int, commit: bool) -> None:
        """Take a snapshot of all tracked paths, whatever is stale."""
        self._snapshot(self._place(place), (), commit=commit, keep_mine=True)

    @rule(place=st.integers(0, 1), number=st.integers(0, 60))
    def restore_all(self, place: int, number: int) -> None:
        """Restore all of a snapshot or of a branch."""
        oids = sorted(self._lasting_oids(), key=self._order)
        self._restore(place, oids[number % len(oids)], [], False)

    @rule(
        place=st.integers(0, 1),
        number=st.integers(0, 60),
        paths=st.lists(st.sampled_from(PATHS), max_size=2, unique=True),
        dry_run=st.sampled_from([False, False, False, True]),
    )
    def restore(self, place: int, number: int, paths: list[str], dry_run: bool) -> None:
        """Restore some paths, or all, of a snapshot or of a branch."""
        oids = sorted(self._lasting_oids(), key=self._order)
        oid = oids[number % len(oids)]
        held = self._pointer_blobs(oid)
        self._restore(place, oid, [path for path in paths if path in held], dry_run)

    def _order(self, oid: str) -> int:
        """Return the place of a commit in the order in which commits were first seen."""
        self._pointer_blobs(oid)
        return list(self.holds).index(oid)

    @rule(place=st.integers(0, 1), paths=st.lists(st.sampled_from(PATHS), max_size=1))
    def restore_pointers(self, place: int, paths: list[str]) -> None:
        """Let data follow the pointer files."""
        self._restore(place, None, paths, False)

    def _restore(self, place: int, oid: str | None, paths: list[str], dry_run: bool) -> None:
        at = self._place(place)
        self._run(
            at,
            "restore",
            lambda: restore(at.project.open(), oid, tuple(paths), dry_run=dry_run),
            lambda _, before, after: self._note_restore(at, oid, paths, dry_run, before, after),
        )

    def _note_restore(
        self,
        at: Place,
        oid: str | None,
        paths: list[str],
        dry_run: bool,
        before: Seen,
        after: Seen,
    ) -> list[str]:
        if dry_run:
            assert before == after
            return []
        self._note_automatic(before, after)
        if oid is None:
            pointers = self._pointers(before, at)
            wanted = {path: self.meaning[encoded] for path, encoded in pointers.items()}
        else:
            wanted = self._pointer_blobs(oid)
        chosen = [path for path in wanted if not paths or path in paths]
        data = after.data()
        for path in PATHS:
            if path in chosen:
                assert data.get(path) == wanted[path], path
                assert after.files[f"{path}.mlops"] == self.encoding[wanted[path]]
                at.origins[path] = wanted[path]
            else:
                assert data.get(path) == before.data().get(path), path
        return chosen

    @rule(place=st.integers(0, 1))
    def undo(self, place: int) -> None:
        """Take the last command back: what it moved is as before it."""
        at = self._place(place)
        done = at.done
        if done is None:
            self._run(at, "undo", at.project.undo)
            return
        fresh = done.moment == self.moment and self._see(at).files == done.after.files

        def note(_: object, before: Seen, after: Seen) -> Iterable[str]:
            self._note_automatic(before, after)
            for name in done.before.files.keys() | done.after.files.keys():
                former = done.before.files.get(name)
                if former != done.after.files.get(name) and former != "dir":
                    assert after.files.get(name) == former, name
            for path, (origin, _) in done.origins.items():
                if origin is None:
                    at.origins.pop(path, None)
                else:
                    at.origins[path] = origin
            swapped = {name: (now, then) for name, (then, now) in done.origins.items()}
            at.done = Done(done.after, done.before, swapped, self.moment)
            return ()

        refused = self._run(at, "undo", at.project.undo, note) is None
        assert not (fresh and refused and not self._would_leave(done)), "not taken back"

    def _would_leave(self, done: Done) -> bool:
        """Return whether taking a command back would take away a branch that somebody is on."""
        gone = done.after.refs.keys() - done.before.refs.keys()
        return any(name.startswith("refs/heads/") for name in gone)

    @rule(
        place=st.integers(0, 1),
        number=st.integers(0, 30),
        kind=st.sampled_from(["move", "move", "untrack", "drop", "branch"]),
        new=st.sampled_from(PATHS),
    )
    def manage(self, place: int, number: int, kind: str, new: str) -> None:
        """Move or untrack a path, drop a snapshot or make a branch of it."""
        at = self._place(place)
        tracked, ids = sorted(self._pointers(self._see(at), at)), self._ids()
        path = tracked[number % len(tracked)] if tracked and number else "nothing"
        id = ids[number % len(ids)] if ids and number else "nothing"
        if kind == "move":
            self._move(at, path, new)
        elif kind == "untrack":
            self._untrack(at, path)
        elif kind == "drop":
            self._run(at, "drop", lambda: snapshot_drop(at.project.open(), (id,)))
        else:
            name = f"from-{self.moment if number % 5 else 0}"
            self._run(at, "branch", lambda: snapshot_branch(at.project.open(), id, name))

    @rule(place=st.integers(0, 1), trash_days=st.sampled_from([0, 7]))
    def collect(self, place: int, trash_days: int) -> None:
        """Let go of all that nothing names; after that a command may not be taken back any more."""
        at = self._place(place)

        def note(result: GcResult, before: Seen, after: Seen) -> Iterable[str]:
            kept = {n: oid for n, oid in before.refs.items() if not n.startswith(DROPPED)}
            assert {n: oid for n, oid in after.refs.items() if not n.startswith(DROPPED)} == kept
            assert after.files == before.files
            for one in self.places:
                if one.done is not None:
                    one.done = dataclasses.replace(one.done, moment=-1)
            if result.trashed_bytes:
                at.done = Done(before, after, {}, -1)
            return ()

        self._run(
            at,
            "gc",
            lambda: gc(at.project.open(), grace_hours=0, trash_days=trash_days, even_all=True),
            note,
        )

    def _untrack(self, at: Place, path: str) -> None:
        def note(_: object, before: Seen, after: Seen) -> Iterable[str]:
            assert before.data() == after.data()
            at.origins.pop(path, None)
            return (path,)

        self._run(at, "untrack", lambda: untrack(at.project.open(), path), note)

    def _move(self, at: Place, old: str, new: str) -> None:
        def note(_: object, before: Seen, after: Seen) -> Iterable[str]:
            content = before.data()[old]
            assert after.data() == {**_without(before.data(), old), new: content}
            encoded = after.files[f"{new}.mlops"]
            assert isinstance(encoded, bytes)
            for one in {content, self.meaning.get(encoded, content)}:
                keepers = self.keepers.get((old, one), set())
                self.keepers.setdefault((new, one), set()).update(keepers)
            at.origins.pop(new, None)
            if old in at.origins:
                at.origins[new] = at.origins.pop(old)
            return (old, new)

        self._run(at, "move", lambda: move(at.project.open(), old, new), note)

    def _ids(self) -> list[str]:
        """Return the snapshots' ids, the oldest first."""
        prefix = "refs/mlops/snapshots/"
        found = {oid: name for name, oid in self._see_refs().items() if name.startswith(prefix)}
        return [found[oid].removeprefix(prefix) for oid in sorted(found, key=self._order)]

    @rule(place=st.integers(0, 1), number=st.integers(0, 60))
    def look(self, place: int, number: int) -> None:
        """Run the commands that only read, and read one state through the library."""
        oids = sorted(self._lasting_oids(), key=self._order)
        self._check_kept([oids[number % len(oids)]])
        at = self._place(place)
        before = self._see(at)
        self._check_states(at, before)
        told = {one.path for one in diff(at.project.open()).paths}
        head = self._pointer_blobs(at.project.head())
        data = before.data()
        tracked = self._pointers(before, at).keys()
        there = {path: data[path] for path in tracked if path in data}
        assert told == {
            path for path in head.keys() | there.keys() if _files_differ(head, there, path)
        }
        self._forget_seen()
        assert self._see(at) == before

    @rule(number=st.integers(0, 60))
    def restore_elsewhere(self, number: int) -> None:
        """Restore a snapshot in another worktree."""
        self._restore_elsewhere(number)

    # --- Git -----------------------------------------------------------------------------------

    def _git(self, at: Place, *commands: tuple[str, ...]) -> None:
        """Run Git, whose own refusals are its own affair, then what our hooks would start."""
        before = self._see(at)
        run = Project(at.project.root).git if self.hooks == "real" else at.project.git
        for words in commands:
            run(*words, check=False)
        self._forget_seen()
        after = self._see(at)
        self._learn_merged(at, after)
        if self.hooks == "real":
            self._follow(at, before, after)
        elif self.hooks == "called" and commands[0][0] in ("switch", "merge", "rebase"):
            here = open_here(at.project.root, clock=at.project.clock)
            hook(here, "post-checkout")
            self._forget_seen()
            followed = self._see(at)
            self._check_followed(at, after, followed)
            self._follow(at, after, followed)
            after = followed
        self._check_nothing_lost_to_git(before, after)
        self._check_states(at, after)
        assert at.project.leftovers() == []

    def _follow(self, at: Place, before: Seen, after: Seen) -> None:
        """Note which data a hook let follow its pointer; no other may have moved."""
        former, now = before.data(), after.data()
        pointers = self._pointers(after, at)
        for path in former.keys() | now.keys():
            if former.get(path) != now.get(path):
                assert now[path] == self.meaning[pointers[path]], path
                at.origins[path] = now[path]

    def _check_followed(self, at: Place, before: Seen, after: Seen) -> None:
        """Data that is behind follows, unless some data has diverged."""
        words, pointers = self._words(at, before), self._pointers(before, at)

        def lags(path: str) -> bool:
            if words[path] != "missing":
                return words[path] in ("behind", "diverged")
            return at.origins.get(path) != self.meaning[pointers[path]]

        lagging = [path for path in words if lags(path)]
        stuck = [path for path in lagging if words[path] == "diverged"]
        for path in words:
            follows = path in lagging and not stuck
            expected = self.meaning[pointers[path]] if follows else before.data().get(path)
            assert after.data().get(path) == expected, path

    def _check_nothing_lost_to_git(self, before: Seen, after: Seen) -> None:
        there, kept = after.data(), self._kept_refs(after)
        for path, content in before.data().items():
            if there.get(path) != content:
                assert self._is_kept(path, content, kept), path

    @rule(place=st.integers(0, 1))
    def commit(self, place: int) -> None:
        """Commit the pointer files and the code with plain Git."""
        at = self._place(place)
        names = [
            name
            for name, body in self._see(at).files.items()
            if name.endswith((".mlops", ".gitignore"))
            and isinstance(body, bytes)
            and _CONFLICT not in body
        ]
        self._git(
            at,
            ("add", "--", *names),
            ("commit", "--quiet", "--allow-empty", "-m", "A commit"),
        )

    @rule(place=st.integers(0, 1), number=st.integers(0, 20), how=st.sampled_from(["", "-f", "-c"]))
    def switch(self, place: int, number: int, how: str) -> None:
        """Switch to another branch, perhaps a new one."""
        name = f"topic-{number}" if how == "-c" else self._branch(number)
        words = [how, name] if how else [name]
        self._git(self._place(place), ("switch", "--quiet", *words))

    def _branch(self, number: int) -> str:
        names = sorted(name for name in self._see_refs() if name.startswith("refs/heads/"))
        return names[number % len(names)].removeprefix("refs/heads/")

    @rule(place=st.integers(0, 1), number=st.integers(0, 20), leave=st.booleans())
    def merge(self, place: int, number: int, leave: bool) -> None:
        """Merge another branch; a conflict stays until the files are reset, or goes at once."""
        at = self._place(place)
        self._git(at, ("merge", "--quiet", "--no-edit", self._branch(number)))
        if not leave:
            self._git(at, ("merge", "--abort"))

    @rule(place=st.integers(0, 1), back=st.integers(0, 2))
    def reset(self, place: int, back: int) -> None:
        """Throw away what is staged, and perhaps commits."""
        self._git(self._place(place), ("reset", "--quiet", "--hard", f"HEAD~{back}"))

    @rule(place=st.integers(0, 1), number=st.integers(0, 20))
    def take_pointers(self, place: int, number: int) -> None:
        """Take the pointer files of another branch."""
        words = ("checkout", "--quiet", self._branch(number), "--", "*.mlops")
        self._git(self._place(place), words)

    @rule(place=st.integers(0, 1), kind=st.sampled_from(["stash", "pop", "revert", "gc"]))
    def use_git(self, place: int, kind: str) -> None:
        """Put pointer files away, or get them back; take a commit back; collect garbage."""
        at = self._place(place)
        if kind in ("stash", "pop"):
            self._git(at, ("stash", "pop" if kind == "pop" else "push", "--quiet"))
        elif kind == "gc":
            self._git(at, ("gc", "--quiet", "--prune=now"))
        elif at.project.head() != self.first:
            self._git(at, ("revert", "--no-edit", "HEAD"))
            self._git(at, ("revert", "--abort"))

    @precondition(lambda self: len(self.places) == 1)
    @rule()
    def add_worktree(self) -> None:
        """Work in a second worktree too."""
        main = self.places[0].project
        made = main.worktree(self.folder / "second", "HEAD")
        self.places.append(Place(DataProject(made.root, main.clock)))
        self._forget_seen()

    # --- What may be lost ----------------------------------------------------------------------

    @rule(
        place=st.integers(0, 1),
        what=st.sampled_from(["stat-cache", "environment", "objects-synced", "index", "origins"]),
    )
    def lose_a_cache(self, place: int, what: str) -> None:
        """Delete what every command can do without."""
        at = self._place(place)
        common = self.places[0].project.root
        state = common / STATE
        if at is not self.places[0]:
            state = common / ".git/worktrees/second/mlops-worktree"
        target = common / ".git/mlops/index" if what == "index" else state / what
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
        if what == "origins":
            at.origins.clear()


def _holds(content: Content | None, former: Content) -> bool:
    """Return whether every file of ``former`` is in ``content`` as it was."""
    files = {(name, body) for name, body in former[1] if body != "dir"}
    return content is not None and files <= content[1]


def _is_data(name: str) -> bool:
    return any(name == path or name.startswith(path + "/") for path in PATHS)


def _without(contents: dict[str, Content], path: str) -> dict[str, Content]:
    return {name: content for name, content in contents.items() if name != path}


def _files_differ(old: Mapping[str, Content], new: Mapping[str, Content], path: str) -> bool:
    nothing: Content = (True, frozenset())
    files = (each.get(path, nothing)[1] for each in (old, new))
    former, now = ({(name, body) for name, body in one if body != "dir"} for one in files)
    return former != now


def _change_in_secret(file: Path, number: int) -> None:
    """Change bytes of a file and put its size and time back."""
    seen, body = file.stat(), bytearray(file.read_bytes())
    if body:
        body[number % len(body)] ^= 1 + number % 7
        with open(file, "r+b") as opened:
            opened.write(body)
        os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def quick_folder() -> Path | None:
    """Return a folder in memory, where there is one: what is tried here is not durability."""
    memory = Path("/dev/shm")
    return memory if os.access(memory, os.W_OK) else None


def run_machine(top: Path, number: int, examples: int, hooks: str) -> tuple[int, dict[str, int]]:
    """Run examples of the machine; return how many steps, and how often each refusal came.

    Raises:
        AssertionError: the project did not hold what the model does.
    """

    @seed(number)
    class Machine(ProjectMachine):
        """With figures of its own."""

    Machine.top, Machine.hooks, Machine.steps_run, Machine.tally = top, hooks, 0, {}
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            report_multiple_bugs=False,
            verbosity=Verbosity.normal,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Machine.steps_run, Machine.tally


def _break_keeping() -> None:
    """Let a restore overwrite what no snapshot has."""
    _replace(restoring, "keep_overwritten", lambda *_: None)


def _break_stat_cache() -> None:
    """Let the stat cache believe in size, time and inode alone."""
    numbers, stat_of = walk._numbers, walk.stat_of
    _replace(walk, "_numbers", lambda seen: (*numbers(seen)[:2], 0, seen.st_ino))
    _replace(scan, "stat_of", lambda *found: stat_of(*found)._replace(ctime_ns=0))


def _break_undo() -> None:
    """Let an undo forget one of the small files."""
    move_files = undoing._move_files

    def forget(handles: Handles, back: Operation) -> None:
        move_files(handles, dataclasses.replace(back, files=dict(list(back.files.items())[1:])))

    _replace(undoing, "_move_files", forget)


def _break_states() -> None:
    """Let data that is behind its pointer count as changed."""

    def mistake(*args: Any, **kwargs: Any) -> State:
        state = decide_state(*args, **kwargs)
        return State.CHANGED if state is State.BEHIND else state

    _replace(status, "decide_state", mistake)


def _replace(owner: object, name: str, broken: object) -> None:
    setattr(owner, name, broken)


BROKEN = {
    "restore drops unsaved data": _break_keeping,
    "stat cache ignores ctime": _break_stat_cache,
    "undo forgets a file": _break_undo,
    "states are wrong": _break_states,
}
"""Defects that the machine must find, by name."""


def main(number: int, examples: int, hooks: str, broken: str | None = None) -> None:
    """Run the machine and print how many steps it took and what happened how often."""
    if broken is not None:
        BROKEN[broken]()
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        steps, tally = run_machine(Path(folder), number, examples, hooks)
    print(steps, *sorted(tally.items()), sep="\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
