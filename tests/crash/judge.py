"""What a project is like, and whether a fault has cost it anything."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from jupyter_mlops.commands.workspace import Workspace, open_workspace
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.formats.conflict import is_in_conflict, split_conflict
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import POINTER_SUFFIX, decode_pointer
from jupyter_mlops.git.refs import list_refs
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.reader import missing, read_file
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.status import read_status
from jupyter_mlops.snapshots.tracked import read_tree_pointers
from jupyter_mlops.storage.open import open_backend
from tests.crash.runner import Outcome, Runner
from tests.support.data_project import DataProject
from tests.support.git_objects import ObjectsTree
from tests.support.remote_judge import check_remote

Files = Mapping[str, bytes | str]
"""What lies at each path: bytes, the target of a link, or that it is an empty folder."""

STATES = ("refs/mlops/snapshots", "refs/mlops/dropped", "refs/heads", "refs/tags")
"""References whose data has to be there."""

REMOTE = ".git/remote"
"""A remote, which lies within the project so that it is copied and judged with it."""

_ASKS_FOR_A_HAND = re.compile(
    r"\brm -|remove the file|delete the file|\.lock.*File exists", re.IGNORECASE
)
_STATUSES = range(7)


@dataclass(frozen=True, slots=True)
class State:
    """All of a project that a fault may not take.

    ``data`` is what each reference restores; ``index`` what is staged; ``tracked`` the states of
    tracked paths.
    """

    files: Files
    data: Mapping[str, Files]
    index: str
    tracked: Mapping[str, str]

    def holds(self, path: str, content: bytes | str) -> bool:
        """Return whether some reference restores ``content`` at ``path``."""
        return any(files.get(path) == content for files in self.data.values())


def read_state(root: Path, *, statuses: bool = True, damaged: bool = False) -> State:
    """Read all of a project whole.

    Without ``statuses`` nothing of it is changed: to tell them, caches are renewed and what killed
    commands left is cleared. Of a project that may be ``damaged``, data that is not whole is left
    out.

    Raises:
        AssertionError: something that is referred to is missing or damaged.
    """
    project = DataProject(root)
    if not (root / CONFIG_NAME).exists():
        return State(_files(project), {}, project.git("ls-files", "--stage"), {})
    ws = open_workspace(root)
    read = cache(partial(read_file, ws.store))
    data = {}
    for ref in list_refs(ws.git, *STATES):
        try:
            data[ref.name] = _read_data(ws, ref.oid, read)
        except MlopsError as error:
            if damaged:
                continue
            raise AssertionError(f"{ref.name} does not restore whole: {error}") from error
    files = _files(project)
    for path, content in files.items():
        if path.endswith(POINTER_SUFFIX) and isinstance(content, bytes) and not damaged:
            _check_pointer(ws, path, content)
    tracked = {one.path: one.state.value for one in read_status(ws)} if statuses else {}
    return State(files, data, project.git("ls-files", "--stage"), tracked)


def _check_pointer(ws: Workspace, path: str, encoded: bytes) -> None:
    if is_in_conflict(encoded):
        for version in split_conflict(encoded):
            _check_pointer(ws, path, version)
        return
    try:
        entries = read_entries(ws.store, decode_pointer(encoded, origin=path)).values()
        lacking = missing(ws.store, [one for one in entries if one.mode is not Mode.FOLDER])
    except MlopsError as error:
        raise AssertionError(f"{path} names what the store lacks") from error
    assert lacking == [], f"{path} names what the store lacks"


def _files(project: DataProject) -> Files:
    """Return the files of the working tree, without those under a temporary name of ours."""
    files = project.files()
    return {path: found for path, found in files.items() if STAGED_PREFIX not in path}


def _read_data(
    ws: Workspace, commit: str, read: Callable[[Entry], bytes]
) -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {}
    for path, pointer in read_tree_pointers(ObjectsTree(ws.git.common_dir, commit)).items():
        for name, entry in read_entries(ws.store, pointer).items():
            full = f"{path}/{name}" if name else path
            if entry.mode is Mode.FOLDER:
                files[full] = "dir"
                continue
            content = read(entry)
            if entry.mode is Mode.SYMLINK:
                files[full] = f"-> {content.decode()}"
            else:
                files[full] = (b"x:" if entry.mode is Mode.EXECUTABLE else b"") + content
    return files


def check_nothing_lost(
    now: State,
    before: State,
    after: State,
    data: Collection[str],
    passing: Collection[str] = (),
) -> None:
    """Check a project in which a command was cut short against those before and after it.

    Each file is the old or the new one, whole. What is at a path of ``data`` no more is in a
    snapshot or a commit. What could be restored before still can, but for what the command takes
    away itself. What is ``passing`` may have been something in between, whole.
    """
    for path in {*now.files, *before.files, *after.files}:
        there = now.files.get(path)
        if path in passing and isinstance(there, bytes):
            json.loads(there)
            continue
        allowed = (before.files.get(path), after.files.get(path))
        if (
            there == "dir"
            or (there is None and "dir" in allowed)
            or (path.endswith(".gitignore") and _is_between(there, *allowed))
            or (path.endswith(POINTER_SUFFIX) and _is_left_to_the_user(there))
        ):
            continue
        assert there in allowed, f"{path} is neither the old nor the new file: {there!r:.200}"
    for path, content in before.files.items():
        if now.files.get(path) != content and any(_lies_in(path, one) for one in data):
            assert now.holds(path, content), f"{path} as it was is in no snapshot"
    for ref, files in before.data.items():
        if ref in after.data:
            assert now.data.get(ref) in (files, after.data[ref]), f"{ref} restores something else"


def _is_between(there: object, before: object, after: object) -> bool:
    """Return whether a list of what Git ignores has only lines of before and after."""
    lists = [value.splitlines() for value in (there, before, after) if isinstance(value, bytes)]
    if len(lists) < 2 or not isinstance(there, bytes):
        return False
    kept = set(lists[1]) & set(lists[-1])
    return kept <= set(lists[0]) <= {line for lines in lists[1:] for line in lines}


def _is_left_to_the_user(there: object) -> bool:
    """Return whether Git's merge conflict stands in a pointer; both versions were looked at."""
    return isinstance(there, bytes) and is_in_conflict(there)


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def check_done(now: State, after: State, outcome: Outcome) -> None:
    """Check that a command which succeeded has done all that it does without a fault."""
    assert now.files == after.files, "files are not as they should be"
    assert now.tracked == after.tracked, now.tracked
    lacking = [files for files in after.data.values() if files not in now.data.values()]
    assert lacking == [], "a snapshot is missing"
    if "git add" not in outcome.told:
        assert now.index == after.index, "something is not staged"


def check_gone(root: Path, content: bytes) -> None:
    """Check that no file in Git's folder has some of ``content``, which nothing compresses."""
    parts = [content[at : at + 64] for at in range(0, len(content), 2_000)]
    for path in (root / ".git").rglob("*") if parts else ():
        if path.is_file():
            held = path.read_bytes()
            assert not any(part in held for part in parts), f"{path} still has it"


def check_manners(outcome: Outcome) -> None:
    """Check how a command of ours ends and what it says when something goes wrong."""
    assert not outcome.overdue, "it hung"
    assert "Traceback" not in outcome.told, outcome.told
    assert "defect" not in outcome.told, outcome.told
    assert outcome.was_killed or outcome.status in _STATUSES, outcome.status
    asking = _ASKS_FOR_A_HAND.search(outcome.told)
    assert asking is None, outcome.told
    if outcome.status > 0:
        assert outcome.told.strip(), "it failed and did not say why"


def check_left_clean(root: Path) -> None:
    """Check that Git finds nothing damaged, and that no temporary file of ours is left."""
    project = DataProject(root)
    project.git("fsck", "--strict", "--no-dangling")
    project.git("status", "--porcelain")
    left = leftovers(root)
    assert not left, f"left behind: {left}"


def check_names(root: Path) -> None:
    """Check that what the store has under a name is what the name says."""
    git = root / ".git"  # with its own store, and a shared one where a scenario has it
    for path in (*git.glob("**/packs/??/*"), *git.glob("mlops/**/index/*")):
        if not path.name.startswith(STAGED_PREFIX):
            right = hash_bytes(path.read_bytes()).hex() == path.stem
            assert right, f"the bytes of {path.name} are not the bytes of that name"


def check_remote_names(root: Path) -> None:
    """Check that what the remote of a project has under a name is what the name says."""
    remote = root / REMOTE
    for path in (*remote.glob("packs/??/*"), *remote.glob("index/*")):
        right = hash_bytes(path.read_bytes()).hex() == path.stem
        assert right, f"the bytes of {path.name} on the remote are not the bytes of that name"


def check_remote_gives_all(root: Path, clone: Path, runner: Runner) -> None:
    """Check that the remote of a project is whole, and gives a new clone all that HEAD names.

    Compared with the working tree is what that has as HEAD names it.
    """
    with open_backend(str(root / REMOTE)) as backend:
        check_remote(backend)
    DataProject(root).git("clone", "--quiet", str(root), str(clone))
    pulling = DataProject(clone)
    pulling.git("config", "mlops.remote.store.url", str(root / REMOTE))
    runner.ours(clone, "pull")
    here = DataProject(root)
    committed = {
        path
        for path, state in here.states().items()
        if state == "clean" and not here.git("status", "--porcelain", f"{path}{POINTER_SUFFIX}")
    }
    for path, state in pulling.states().items():
        assert state == "clean", f"{path} is {state} in a new clone"
        if path not in committed:
            continue
        there = root / path
        if there.is_dir():
            assert pulling.files(path) == here.files(path), path
        elif there.exists():
            assert pulling.read(path) == there.read_bytes(), path


def leftovers(root: Path) -> list[str]:
    """Return the temporary files and locks of ours that are there, or of a Git that we ran."""
    git = root / ".git"
    left = [str(path) for path in (*git.glob("*.lock"), *git.glob("mlops/git-locks-*"))]
    left += [str(path) for path in git.glob("refs/**/*.lock")]
    return left + DataProject(root).leftovers()
