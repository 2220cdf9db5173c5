"""Bad input: one sentence, a hint, the right exit status, and nothing changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from jupyter_mlops.commands.restore import restore
from jupyter_mlops.commands.snapshot import snapshot
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.owner import current_owner, format_owner
from jupyter_mlops.git.staging import stage_paths
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.snapshots.listing import list_snapshots
from jupyter_mlops.snapshots.take import Circumstances, take_snapshot
from tests.support.data_project import DataProject, make_data_project
from tests.support.disks import make_read_only, mount_tmpfs
from tests.support.project import make_project

FILE = b'format = 0\nkind = "file"\nhash = "blake3:%s"\nsize_bytes = 1\nmode = "100644"\n'


TREE = b"""format = 0
kind = "tree"
entries = [
  { path = "%s", hash = "blake3:%s", size_bytes = 1, mode = "100755" },
]
"""


@pytest.fixture
def tracking(data_project: DataProject) -> DataProject:
    """A project that tracks ``data`` and ``model.bin``, committed."""
    data_project.write("data/a.csv", b"a")
    data_project.write("model.bin", b"m")
    data_project.snapshot("data", "model.bin")
    data_project.commit("tracked")
    return data_project


def _refused(project: DataProject, status: int, *words: str, cwd: Path | None = None) -> str:
    """Run a command that must be refused; return the code of its one error."""
    before = project.everything()
    done = project.mlops(*words, "--json", cwd=cwd)
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    error = json.loads(done.stderr)["error"]
    sentence = error["message"]
    assert sentence.endswith("."), sentence
    assert "\n" not in sentence
    assert error["hints"], sentence
    assert project.everything() == before
    assert project.leftovers() == []
    return str(error["code"])


def test_through_the_command_line(tracking: DataProject, tmp_path: Path) -> None:
    assert _refused(tracking, 2, "snapshot", "../x") == "path-outside"
    assert _refused(tracking, 2, "snapshot", ".git/config") == "path-in-git"
    assert _refused(tracking, 3, "snapshot", "nowhere.bin") == "path-not-found"
    assert _refused(tracking, 3, "restore", "nonsense") == "unknown-revision"
    assert _refused(tracking, 2, "status", cwd=tracking.root / ".git") == "inside-git-folder"


def test_not_a_git_project(tmp_path: Path) -> None:
    project = DataProject(tmp_path)
    done = project.mlops("status", "--json")
    assert done.returncode == 3
    error = json.loads(done.stderr)["error"]
    assert (error["code"], error["hints"]) == ("not-a-git-project", ["git init"])
    assert list(tmp_path.iterdir()) == []


def test_no_mlops_toml(tmp_path: Path) -> None:
    project = DataProject(make_project(tmp_path / "p").root)
    project.write("model.bin", b"1")
    before = project.everything()
    for words in (["snapshot", "model.bin"], ["restore"], ["status"], ["undo"]):
        with pytest.raises(MlopsError) as caught:
            project.open()
        assert caught.value.code == "no-mlops-toml", words
        assert caught.value.hints == ("jupyter mlops init",)
    assert project.everything() == before


COMMANDS: dict[str, Callable[[DataProject], object]] = {
    "status": lambda p: p.states(),
    "snapshot": lambda p: p.snapshot(),
    "restore": lambda p: p.restore(),
}
POINTERS: dict[str, bytes] = {
    "empty": b"",
    "not TOML": b"<html>\n",
    "not text": b"\xff\xfe\0",
    "unknown key": FILE % (b"0" * 64) + b'colour = "red"\n',
    "wrong hash": FILE % (b"0" * 63 + b"g"),
    "short hash": FILE % b"00",
    "two dots": TREE % (b"../../x", b"0" * 64),
    "into .git": TREE % (b".git/hooks/x", b"0" * 64),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", POINTERS)
def test_a_pointer_file_that_is_not_valid(tracking: DataProject, what: str, command: str) -> None:
    tracking.write("model.bin.mlops", POINTERS[what])
    before = tracking.everything()
    with pytest.raises(MlopsError) as caught:
        COMMANDS[command](tracking)
    assert caught.value.exit_status == 5
    assert caught.value.code == "pointer-invalid"
    assert "model.bin.mlops" in caught.value.message
    assert caught.value.hints
    assert tracking.everything() == before


def test_a_pointer_to_content_that_nobody_has(tracking: DataProject) -> None:
    pointer = tracking.read("model.bin.mlops").decode()
    known, unknown = hash_bytes(b"m").hex(), hash_bytes(b"unknown").hex()
    tracking.write("model.bin.mlops", pointer.replace(known, unknown))
    before = tracking.everything()
    with pytest.raises(MlopsError) as caught:
        tracking.restore()
    assert (caught.value.code, caught.value.exit_status) == ("content-missing", 3)
    assert caught.value.hints
    assert tracking.everything() == before
    assert tracking.state("model.bin") == "behind"


@pytest.mark.parametrize(
    "word",
    ["nonsense", "-x", "--all", "", "HEAD~99", "main:train.py", "main..main", "^main", "a b"],
)
def test_revisions_that_are_none(tracking: DataProject, word: str) -> None:
    before = tracking.everything()
    with pytest.raises(MlopsError) as caught:
        tracking.restore(word)
    assert caught.value.exit_status == 3, caught.value
    assert caught.value.code == "unknown-revision"
    assert caught.value.hints
    assert tracking.everything() == before


def test_a_read_only_project(tracking: DataProject) -> None:
    tracking.write("model.bin", b"changed")
    before = tracking.files()
    with make_read_only(tracking.root):
        assert tracking.states() == {"data": "clean", "model.bin": "changed"}
        for name, command in COMMANDS.items():
            if name == "status":
                continue
            with pytest.raises(MlopsError) as caught:
                command(tracking)
            assert (caught.value.exit_status, caught.value.code) == (6, "read-only"), name
        with pytest.raises(MlopsError):
            tracking.restore("HEAD")
    assert tracking.files() == before


class Filler:
    """Shows progress, and fills the disk when a task that is awaited begins."""

    def __init__(self, file: Path, label: str = "") -> None:
        self._file = file
        self._label = label

    def task(self, label: str, total: int | None, unit: str = "B") -> Filler:
        if self._label and label.startswith(self._label):
            self.fill(left_bytes=0)
        return self

    def fill(self, left_bytes: int) -> None:
        with self._file.open("wb", buffering=0) as file, suppress(OSError):
            stats = os.statvfs(self._file)
            file.write(b"\0" * max(0, stats.f_bavail * stats.f_frsize - left_bytes))
            while left_bytes == 0:
                file.write(b"\0")

    def empty(self) -> None:
        self._file.unlink()

    def __enter__(self) -> Filler:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def advance(self, amount: int) -> None:
        pass


def _disk_is_full(project: DataProject, work: Callable[[], object]) -> None:
    with pytest.raises(MlopsError) as caught:
        work()
    assert (caught.value.exit_status, caught.value.code) == (6, "disk-full")
    assert caught.value.hints


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_full_disk(tmp_path: Path, when: str) -> None:
    (tmp_path / "disk").mkdir()
    with mount_tmpfs(tmp_path / "disk", "16m"):
        project = make_data_project(tmp_path / "disk/p")
        content = os.urandom(2_000_000)
        filler = Filler(tmp_path / "disk/filler")
        project.write("big.bin", content)
        if when == "before":
            filler.fill(left_bytes=1_000_000)
        before = project.everything()
        meanwhile = Filler(tmp_path / "disk/filler", "Keeping" if when == "meanwhile" else "")
        ws = project.open(progress=meanwhile)
        _disk_is_full(project, lambda: snapshot(ws, ("big.bin",)))
        assert project.everything() == before
        filler.empty()
        assert project.leftovers() == []
        project.snapshot("big.bin")
        project.remove("big.bin")
        if when == "before":
            filler.fill(left_bytes=1_000_000)
        meanwhile = Filler(tmp_path / "disk/filler", "Restoring" if when == "meanwhile" else "")
        before = project.everything()
        ws = project.open(progress=meanwhile)
        _disk_is_full(project, lambda: restore(ws))
        assert project.everything() == before
        filler.empty()
        project.restore()
        assert project.read("big.bin") == content
        assert project.states() == {"big.bin": "clean"}


def test_a_lock_that_our_own_dead_process_left_is_taken_away(tracking: DataProject) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = format_owner(current_owner()).replace(str(os.getpid()), str(child.pid))
    child.communicate(b"\n")
    (tracking.root / ".git/index.lock").write_text(f"jupyter-mlops {owner}\n")
    tracking.write("model.bin", b"2")
    result = tracking.snapshot()
    assert result.hints == ()
    assert not (tracking.root / ".git/index.lock").exists()
    assert tracking.git("diff", "--cached", "--name-only").split() == ["model.bin.mlops"]


def test_a_foreign_lock_is_waited_for_and_then_told(tracking: DataProject) -> None:
    lock = tracking.write(".git/index.lock", b"")
    waited: list[float] = []
    tracking.write("model.bin.mlops", tracking.read("model.bin.mlops"))
    staged = stage_paths(tracking.open().git, ["model.bin.mlops"], sleep=waited.append)
    assert not staged.done
    assert sum(waited) == pytest.approx(5)
    assert staged.hint == "git add -f -- model.bin.mlops"
    assert lock.read_bytes() == b""


def test_a_foreign_lock_does_not_keep_a_snapshot_from_being_kept(tracking: DataProject) -> None:
    lock = tracking.write(".git/index.lock", b"")
    tracking.write("model.bin", b"2")
    taken = take_snapshot(tracking.open(), [], Circumstances(), sleep=lambda _: None)
    assert taken.hints == ("git add -f -- model.bin.mlops",)
    assert list_snapshots(tracking.open().git)[0].id == taken.record.id
    lock.unlink()
    assert tracking.states() == {"data": "clean", "model.bin": "clean"}
    assert tracking.snapshot().hints == ()
    assert tracking.git("diff", "--cached", "--name-only").split() == ["model.bin.mlops"]


KERNEL = """
import sys, time
from pathlib import Path
from jupyter_mlops.commands.snapshot import snapshot
from jupyter_mlops.commands.workspace import open_workspace
root, name, start = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
time.sleep(max(0, start - time.time()))
for number in range(int(sys.argv[4])):
    ws = open_workspace(root)
    (root / f"{name}.bin").write_text(f"{name} {number}")
    paths = (f"{name}.bin",) if number else ("data", f"{name}.bin")
    print(snapshot(ws, paths, name=f"{name}-{number}").id)
"""


@pytest.mark.slow
def test_two_kernels_take_snapshots_at_once(tracking: DataProject) -> None:
    """Each keeps its own file and a shared folder; all of them succeed and are whole."""
    rounds = 5
    start = time.time() + 0.7
    kernels = [
        subprocess.Popen(
            [sys.executable, "-c", KERNEL, str(tracking.root), name, str(start), str(rounds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two", "three")
    ]
    ids: list[str] = []
    for kernel in kernels:
        printed, said = kernel.communicate(timeout=120)
        assert kernel.returncode == 0, said
        ids += printed.split()
    assert len(set(ids)) == 3 * rounds
    listed = {snapshot.id: snapshot for snapshot in list_snapshots(tracking.open().git)}
    assert set(ids) <= listed.keys()
    assert set(tracking.states().values()) == {"clean"}
    lines = tracking.read(".gitignore").decode().split()
    assert sorted(lines) == ["/data", "/model.bin", "/one.bin", "/three.bin", "/two.bin"]
    staged = tracking.git("ls-files", "*.mlops").split()
    assert staged == [f"{line[1:]}.mlops" for line in sorted(lines)]
    assert tracking.git("diff", "--name-only") == ""
    assert tracking.leftovers() == []
    for name in ("one", "two", "three"):
        tracking.restore(f"{name}-1", f"{name}.bin")
        assert tracking.read(f"{name}.bin") == f"{name} 1".encode()


@pytest.mark.slow
def test_two_kernels_keep_the_same_changing_file(tracking: DataProject) -> None:
    """Whoever comes last, pointer and origin speak of the same content."""
    script = KERNEL.replace('f"{name}.bin"', '"model.bin"')
    start = time.time() + 0.7
    kernels = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tracking.root), name, str(start), "6"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for kernel in kernels:
        said = kernel.communicate(timeout=120)[1]
        assert kernel.returncode == 0, said
    assert tracking.state("model.bin") in {"clean", "changed"}
    tracking.snapshot()
    assert set(tracking.states().values()) == {"clean"}
