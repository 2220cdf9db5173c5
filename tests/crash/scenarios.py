"""The commands that write, each with the project it is run in and what may come of it."""

from __future__ import annotations

import atexit
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.formats.pack import RECORD_HEADER_BYTES, RecordKind
from jupyter_mlops.formats.pointer import LISTED_LIMIT
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.store import create_shared_store
from tests.crash.judge import REMOTE
from tests.crash.runner import OURS, Runner
from tests.notebooks.conftest import code, notebook_bytes
from tests.support.damage import cut, flip
from tests.support.data_project import DataProject
from tests.support.project import IDENTITY, make_project

BIG = random.Random(3).randbytes(300_000)
"""A file of several chunks."""

SECRETS = tuple(random.Random(seed).randbytes(100_000) + BIG[:150_000] for seed in (4, 5))
"""Content that is erased; its last bytes are in other content as well."""

OLD = {"a.csv": b"old a\n" * 50, "sub/b.csv": b"old b\n", "sub/gone.csv": b"old only\n"}
NEW = {"a.csv": b"new a\n" * 50, "sub/b.csv": b"new b\n", "more/c.csv": b"new only\n"}
MINE = {**NEW, "a.csv": b"mine a\n" * 50, "mine.csv": b"mine only\n"}

COLLECT = ("gc", "--grace-hours", "0")
PURGE = (*COLLECT, "--trash-days", "0")
HUB = ".git/hub.git"
"""A Git remote, which lies within the project for the same reason."""

SOURCE = f"{gettempdir()}/mlops-crash-source-{os.getpid()}"
"""A project that data is imported from, at the same place for every copy of the other."""

OUTSIDE = f"{gettempdir()}/mlops-crash-outside-{os.getpid()}"
"""Where external data is."""

SHARED = ".git/shared"
"""A shared store, which lies within the project so that it is copied and judged with it."""

_SCRIPT = """\
import jupyter_mlops as mlops
with mlops.run("train"):
    mlops.log_param("depth", 6)
    for step in range(5):
        mlops.log(loss=1 / (step + 1), step=step)
        mlops.flush()
    mlops.log_note("wider trees")
    mlops.log_text("summary", "deep")
    mlops.log_artifact("train.py")
"""

_CONCLUDE = f"""\
test -f .git/MERGE_HEAD || git merge --quiet topic
{sys.executable} -m jupyter_mlops resolve
test ! -f .git/MERGE_HEAD || git commit --quiet --no-edit
{sys.executable} -m jupyter_mlops restore
"""
"""What a user types after a merge in which our driver or our hook was cut short."""

_WITH_OUTPUTS = f"""\
git checkout --quiet notebooks
{sys.executable} -m jupyter_mlops restore HEAD --outputs
"""
"""What a user types after a checkout in which our filter was cut short."""

_SNAPSHOTS = "refs/mlops/snapshots"

Build = Callable[[DataProject, Runner], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command, and what it is run in.

    Attributes:
        name: what it is called in a report.
        build: makes the project, beginning with what ``base`` has made.
        command: the words; the first one is ``mlops`` for a command of ours.
        base: what the project is made from: ``nothing`` (plain Git), ``init`` or ``states``.
        data: paths whose former content has to stay within reach.
        repeated: code of the refusal with which the same command may answer once it is done.
        back_and_forth: whether the same command again may take back what it did.
        ours_only: whether only our own processes are hit, as Git starts the command.
        again: the command that goes on after one that was cut short, where it is another one.
        complaint: a pattern of the words with which it tells that it failed, where the exit status
            is that of another program.
        writes: whether it writes files of ours; if not, it only reads them.
        passing: files that get several contents one after the other; each of them is whole JSON.
        damaged: whether the store is damaged at first, and whole afterwards.
        remote_damaged: whether the remote is, likewise.
        gone: bytes that are in no file of Git's folder, store and remote included, once it is done.
        slow: whether it starts processes that take their time, so that it is tried less often.
    """

    name: str
    build: Build
    command: tuple[str, ...]
    base: str = "states"
    data: tuple[str, ...] = ("data", "model.bin")
    repeated: tuple[str, ...] = ()
    back_and_forth: bool = False
    ours_only: bool = False
    again: tuple[str, ...] = ()
    complaint: str = ""
    writes: bool = True
    passing: tuple[str, ...] = ()
    damaged: bool = False
    remote_damaged: bool = False
    gone: bytes = b""
    slow: bool = False

    def share(self, count: int) -> int:
        """Return how many points of ``count`` it gets."""
        return -(-count // 3) if self.slow else count

    @property
    def is_ours(self) -> bool:
        """Whether the exit status is that of our command."""
        return self.command[0] == OURS


def _lay(project: DataProject, files: dict[str, bytes]) -> None:
    """Make ``data`` the folder of ``files``, with a link to the first and a folder for the last."""
    if (project.root / "data").exists():
        project.remove("data")
    for name, content in files.items():
        project.write(f"data/{name}", content)
    first, *_, last = files
    (project.root / "data/link").symlink_to(first)
    (project.root / "data/empty" / last.replace("/", "-")).mkdir(parents=True)
    (project.root / "data" / first).chmod(0o755 if files is NEW else 0o644)


def make_plain(root: Path) -> DataProject:
    """Make a project of plain Git, with a hook of its owner."""
    project = DataProject(make_project(root, "--template=").root)
    project.git("config", "user.name", IDENTITY["GIT_AUTHOR_NAME"])
    project.git("config", "user.email", IDENTITY["GIT_AUTHOR_EMAIL"])
    project.write("train.py", _SCRIPT)
    hook = project.write(".git/hooks/commit-msg", "#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    project.commit("First commit")
    return project


def make_states(project: DataProject, runner: Runner) -> None:
    """Commit two states of ``data`` and ``model.bin``; the newer one is in place."""
    for files, name in ((OLD, "old"), (NEW, "new")):
        _lay(project, files)
        project.write("model.bin", name.encode() + BIG)
        runner.ours(project.root, "snapshot", "data", "model.bin", "--name", name)
        project.commit(name)


class Bases:
    """Projects that several scenarios begin with, each made once."""

    def __init__(self, folder: Path, runner: Runner) -> None:
        self._folder = folder
        self._runner = runner

    def copy(self, name: str, target: Path) -> DataProject:
        """Copy the base called ``name`` to ``target``."""
        start = self._folder / name
        if not start.exists():
            if name == "nothing":
                make_plain(start)
            elif name == "init":
                project = self.copy("nothing", start)
                self._runner.ours(project.root, "init")
                project.commit("Use jupyter-mlops")
            else:
                make_states(self.copy("init", start), self._runner)
        shutil.copytree(start, target, symlinks=True)
        return DataProject(target)


def _nothing(project: DataProject, runner: Runner) -> None:
    """Leave the project as it is."""


def _ran(project: DataProject, runner: Runner) -> None:
    """Let a run have logged, and another one be killed before its values were written."""
    runner.run(project.root, (sys.executable, "train.py"))
    (series,) = (project.root / ".git/mlops/runs/train").glob("*.jsonl")
    died = series.read_text().splitlines(keepends=True)[:-1]
    project.write(f".git/mlops-worktree/runs/open/{series.name}", died[0])
    project.write("metrics/train.json", '{\n "loss": 1.0\n}\n')


def _with_a_ratchet(project: DataProject, runner: Runner) -> None:
    """Let there be a gate with a bar, and a better value since."""
    gate = '[[gate]]\nmetric = "metrics/best.json:acc"\nratchet = true\n'
    project.write("mlops.toml", project.read("mlops.toml").decode() + gate)
    project.write("metrics/best.json", '{"acc": 0.8}')
    project.commit("A gate")
    runner.ours(project.root, "gates", "--update-ratchet")
    project.write("metrics/best.json", '{"acc": 0.9}')
    project.commit("A better value")


def _with_nbstripout(project: DataProject, runner: Runner) -> None:
    """Let nbstripout be there, which is taken over."""
    project.write(".git/info/attributes", "*.ipynb filter=nbstripout\n*.ipynb diff=ipynb\n")
    project.git("config", "filter.nbstripout.clean", "nbstripout")


def _other_workflow(project: DataProject, runner: Runner) -> None:
    """Let a workflow of the team's own stand where one is to be written."""
    project.write(".github/workflows/mlops.yml", "theirs: 1\n")


def _first_data(project: DataProject, runner: Runner) -> None:
    _lay(project, OLD)
    project.write("model.bin", BIG)


def _changed_data(project: DataProject, runner: Runner) -> None:
    _lay(project, {**MINE, "big.bin": BIG[::-1]})


def _changed_code_and_data(project: DataProject, runner: Runner) -> None:
    _changed_data(project, runner)
    project.write("train.py", "print('changed')\n")


def _restored(project: DataProject, runner: Runner) -> None:
    runner.ours(project.root, "restore", "HEAD~1")


def _snapshotted(project: DataProject, runner: Runner) -> None:
    project.write("third.bin", "third")
    runner.ours(project.root, "snapshot", "third.bin")


def _branched(project: DataProject, runner: Runner) -> None:
    project.git("branch", "older", "HEAD~1")


def _to_commit(project: DataProject, runner: Runner) -> None:
    project.write("train.py", "print('changed')\n")
    project.git("add", "train.py")


def _to_merge(project: DataProject, runner: Runner) -> None:
    project.git("switch", "--quiet", "--create", "topic", "HEAD~1")
    runner.ours(project.root, "restore")
    project.write("model.bin", "of the topic")
    runner.ours(project.root, "snapshot", "model.bin")
    project.commit("topic")
    project.git("switch", "--quiet", "main")
    project.git("reset", "--quiet", "--hard", "HEAD~1")
    project.write("train.py", "print('main')\n")
    project.commit("main")
    runner.ours(project.root, "restore")


def _both_changed(project: DataProject, runner: Runner) -> None:
    """Add files beside each other on two branches, in a folder of many that manifests name."""
    for number in range(LISTED_LIMIT + 1):
        project.write(f"data/many/{number:04}", b"one of many\n")
    runner.ours(project.root, "snapshot", "data")
    project.commit("many")
    for branch in ("topic", "main"):
        project.git("switch", "--quiet", *(("--create",) if branch == "topic" else ()), branch)
        runner.ours(project.root, "restore")
        project.write(f"data/many/0500-{branch}", branch)
        runner.ours(project.root, "snapshot", "data")
        project.commit(branch)


def _in_conflict(project: DataProject, runner: Runner) -> None:
    """Change one file on both sides, others on each, and let Git begin the merge."""
    _both_changed(project, runner)
    for branch in ("topic", "main"):
        project.git("switch", "--quiet", branch)
        runner.ours(project.root, "restore")
        project.write("data/many/0001", branch)
        runner.ours(project.root, "snapshot", "data")
        project.commit(branch)
    project.git("merge", "topic", check=False)


def _damaged(project: DataProject, runner: Runner) -> None:
    """Damage the content of a file that the working tree has, and the ends of pack and index."""
    store = project.open().store
    place = store.locate(RecordKind.CHUNK, hash_bytes(NEW["more/c.csv"]))
    assert place is not None
    small = store.pack_path(place)
    flip(small, place.offset + RECORD_HEADER_BYTES)
    for pack in (store.folder / "packs").glob("*/*"):
        if pack != small:
            cut(pack, 20)
    for segment in store.index_folder.iterdir():
        flip(segment, segment.stat().st_size // 2)


def _with_garbage(project: DataProject, runner: Runner) -> None:
    """Drop states that alone need some packs, and more than half of another; leave many packs."""
    _changed_data(project, runner)
    for number in range(8):
        project.write("model.bin", f"{number}")
        runner.ours(project.root, "snapshot", "--name", f"v{number}")
    runner.ours(project.root, "restore", "HEAD")
    for name in ("v0", "v2", "v3"):
        runner.ours(project.root, "snapshot", "drop", name)
    runner.ours(project.root, "snapshot", "model.bin")


def _with_trash(project: DataProject, runner: Runner) -> None:
    """Let something in the trash be needed again, and something else be dropped since."""
    _with_garbage(project, runner)
    (dropped, *_) = project.git(
        "for-each-ref", "--format=%(objectname)", "refs/mlops/dropped"
    ).split()
    runner.ours(project.root, *COLLECT)
    project.git("tag", "again", dropped)
    runner.ours(project.root, "snapshot", "drop", "v4")
    for ref in project.git("for-each-ref", "--format=%(refname)", "refs/mlops/dropped").split():
        project.git("update-ref", "-d", ref)
    runner.ours(project.root, "snapshot", "model.bin")


def _collected(project: DataProject, runner: Runner) -> None:
    _with_garbage(project, runner)
    runner.ours(project.root, *COLLECT)


def _shared(project: DataProject, runner: Runner) -> None:
    create_shared_store(project.root / SHARED)


def _changed_in_shared(project: DataProject, runner: Runner) -> None:
    runner.ours(project.root, "init", "--new-store", SHARED)
    _changed_data(project, runner)


def _with_alternate(project: DataProject, runner: Runner) -> None:
    """Let an alternate hold the states so far, and the project something more."""
    git = project.root / ".git"
    shutil.copytree(git / "mlops", git / "alternate")
    _changed_data(project, runner)
    runner.ours(project.root, "snapshot")
    project.git("config", "mlops.alternates", str(git / "alternate"))


def notebook_with(outputs: str) -> bytes:
    shown = {"output_type": "stream", "name": "stdout", "text": [outputs]}
    return notebook_bytes([code("print(1)", execution_count=1, outputs=[shown])])


def _with_notebooks(project: DataProject, runner: Runner) -> None:
    for number in range(3):
        project.write(f"{number}.ipynb", notebook_with(f"shown {number}\n"))


def _only_text(project: DataProject, runner: Runner) -> None:
    """A notebook that needs no kernel."""
    cell = {"cell_type": "markdown", "id": "text", "metadata": {}, "source": "# Text"}
    project.write("text.ipynb", notebook_bytes([cell]))
    project.commit("A text")


def _committed_notebooks(project: DataProject, runner: Runner) -> None:
    _with_notebooks(project, runner)
    project.commit("Notebooks")
    project.git("branch", "notebooks")
    project.git("switch", "--quiet", "--create", "other")
    for number in range(3):
        notebook = json.loads(notebook_with("other\n"))
        notebook["cells"][0]["source"] = ["print(2)"]
        project.write(f"{number}.ipynb", json.dumps(notebook))
    project.commit("Other notebooks")


def _versions_of_a_notebook(project: DataProject, runner: Runner) -> None:
    """Lay three versions of a notebook beside each other, as Git does for a merge driver.

    The store has outputs of the sides; a cell is merged line by line.
    """
    sources = {"base": "a\n\n\nb", "ours": "1\n\n\nb", "theirs": "a\n\n\n2"}
    for name, source in sources.items():
        added = [] if name == "base" else [code(f"print('{name}')", id=name)]
        cells = [code(source, id="both"), code("print(1)", id="same"), *added]
        project.write("nb.ipynb", notebook_bytes(cells))
        project.git("add", "nb.ipynb")
        project.write(name, project.git("cat-file", "blob", ":nb.ipynb"))
    project.commit("A notebook")


def _with_remote(project: DataProject, runner: Runner) -> None:
    (project.root / REMOTE).mkdir()
    config = project.root / "mlops.toml"
    config.write_text(config.read_text() + '\n[remotes.store]\nurl = "/elsewhere"\n')
    project.git("config", "mlops.remote.store.url", str(project.root / REMOTE))
    project.commit("A remote")


def _to_push_again(project: DataProject, runner: Runner) -> None:
    _with_remote(project, runner)
    runner.ours(project.root, "push")
    _changed_data(project, runner)
    runner.ours(project.root, "snapshot", "--commit", "-m", "A change")


def _to_pull(project: DataProject, runner: Runner) -> None:
    _with_remote(project, runner)
    runner.ours(project.root, "push")
    for part in ("packs", "index"):
        shutil.rmtree(project.root / ".git/mlops" / part)
    project.remove("data")
    project.remove("model.bin")


def _with_hub(project: DataProject, runner: Runner) -> None:
    _with_remote(project, runner)
    project.git("init", "--quiet", "--bare", HUB)
    project.git("remote", "add", "origin", HUB)
    project.git("push", "--quiet", "--set-upstream", "origin", "main")
    _changed_data(project, runner)
    runner.ours(project.root, "snapshot", "data", "-m", "without a name")


def _snapshots(project: DataProject) -> list[str]:
    return project.git("for-each-ref", "--format=%(refname:lstrip=3)", _SNAPSHOTS).split()


def _to_fetch_snapshots(project: DataProject, runner: Runner) -> None:
    _with_hub(project, runner)
    runner.ours(project.root, "push", "--snapshots", *_snapshots(project))
    for ref in project.git("for-each-ref", "--format=%(refname)", "refs/mlops/remotes").split():
        project.git("update-ref", "-d", ref)
    for id in _snapshots(project):
        project.git("update-ref", "-d", f"{_SNAPSHOTS}/{id}")
    project.git("reflog", "expire", "--expire=now", "--all")
    project.git("prune", "--expire=now")


def _remote_with_garbage(project: DataProject, runner: Runner) -> None:
    """Let a remote have packs that nothing needs, one of them in the trash, and a mixed one."""
    _with_remote(project, runner)
    runner.ours(project.root, "push", "--all-branches")
    for name in ("first", "second"):
        project.git("switch", "--quiet", "--create", name)
        project.write("model.bin", name.encode() + BIG[::-1])
        runner.ours(project.root, "snapshot", "--commit", "-m", name)
        runner.ours(project.root, "push")
        project.git("switch", "--quiet", "main")
        runner.ours(project.root, "restore")
        project.git("branch", "-D", name)
        for ref in project.git("for-each-ref", "--format=%(refname)", "refs/mlops").split():
            if name == "first" or "dropped" in ref:
                project.git("update-ref", "-d", ref)
        project.git("reflog", "expire", "--expire=now", "--all")
        if name == "first":
            runner.ours(project.root, "gc", "--remote", "store", "--grace-hours", "0")


def _damaged_remote(project: DataProject, runner: Runner) -> None:
    _with_remote(project, runner)
    runner.ours(project.root, "push", "--all-branches")
    for path in (project.root / REMOTE).rglob("*.*"):
        path.chmod(0o644)
        flip(path, path.stat().st_size // 2)


def _remove_at_exit(folder: str) -> None:
    """Make room for a folder that goes with this process."""
    shutil.rmtree(folder, ignore_errors=True)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _make_source(project: DataProject, runner: Runner, folder: str) -> DataProject:
    """Make another project that holds data, one file of it the same as here."""
    _remove_at_exit(folder)
    shutil.copytree(project.root, folder, symlinks=True)
    source = DataProject(Path(folder))
    _lay(source, {**OLD, "theirs.csv": b"theirs\n" * 50})
    runner.ours(source.root, "snapshot", "data", "--commit", "-m", "theirs")
    return source


def _with_source(project: DataProject, runner: Runner) -> None:
    _make_source(project, runner, SOURCE)
    known_places().add_place(SOURCE)


def _import_older(project: DataProject, runner: Runner, folder: str) -> None:
    source = _make_source(project, runner, folder)
    runner.ours(project.root, "import", folder, "data", "--output", "theirs")
    _lay(source, {**NEW, "theirs.csv": b"newer\n" * 50})
    runner.ours(source.root, "snapshot", "data", "--commit", "-m", "newer")


def _to_update(project: DataProject, runner: Runner) -> None:
    _import_older(project, runner, f"{SOURCE}-newer")


def _to_update_what_changed(project: DataProject, runner: Runner) -> None:
    _import_older(project, runner, f"{SOURCE}-changed")
    project.write("theirs/a.csv", "mine alone\n")


def _with_outside(project: DataProject, runner: Runner) -> None:
    known_places().add_place(OUTSIDE)
    if not os.path.exists(OUTSIDE):
        _remove_at_exit(OUTSIDE)
        os.makedirs(f"{OUTSIDE}/sub")
        for name, content in (("a.csv", b"a\n" * 50), ("sub/b.csv", b"b\n"), ("big.bin", BIG)):
            Path(OUTSIDE, name).write_bytes(content)


def _to_fetch(project: DataProject, runner: Runner) -> None:
    _with_outside(project, runner)
    runner.ours(project.root, "snapshot", "--external", OUTSIDE, "outside")
    project.commit("outside")


def _to_fetch_over_a_change(project: DataProject, runner: Runner) -> None:
    _to_fetch(project, runner)
    runner.ours(project.root, "restore", "outside")
    project.write("outside/a.csv", "mine alone\n")


def _with_secrets(project: DataProject, runner: Runner) -> None:
    """Push content that Git names no more; of the store one lies in the trash, one in a pack."""
    _with_remote(project, runner)
    _changed_data(project, runner)
    for number, secret in enumerate(SECRETS):
        project.write("secret.bin", secret)
        runner.ours(project.root, "snapshot", "data", "secret.bin")
        at = project.head()
        project.commit("Secret")
        runner.ours(project.root, "push")
        project.git("reset", "--quiet", "--hard", at)
        project.git("update-ref", "-d", "ORIG_HEAD")
        names = project.git("for-each-ref", "--format=%(refname)", "refs/mlops/snapshots")
        for ref in names.split():
            if project.git("ls-tree", "--name-only", ref, "secret.bin.mlops"):
                project.git("update-ref", "-d", ref)
        project.git("reflog", "expire", "--expire=now", "--all")
        project.remove("secret.bin")
        runner.ours(project.root, "restore")
        if not number:
            runner.ours(project.root, *COLLECT)


SCENARIOS: Sequence[Scenario] = (
    Scenario("init", _with_nbstripout, (OURS, "init"), base="nothing"),
    Scenario("init with a new shared store", _nothing, (OURS, "init", "--new-store", SHARED)),
    Scenario("init with a shared store", _shared, (OURS, "init", "--store", SHARED)),
    Scenario("snapshot into a shared store", _changed_in_shared, (OURS, "snapshot")),
    Scenario("first snapshot", _first_data, (OURS, "snapshot", "data", "model.bin"), base="init"),
    Scenario("snapshot of a change", _changed_data, (OURS, "snapshot")),
    Scenario("snapshot of a run", _ran, (OURS, "snapshot"), passing=("metrics/train.json",)),
    Scenario(
        "snapshot with a commit",
        _changed_code_and_data,
        (OURS, "snapshot", "--commit", "-m", "A change"),
    ),
    Scenario(
        "snapshot with a name",
        _changed_data,
        (OURS, "snapshot", "--name", "best"),
        repeated=("name-taken",),
    ),
    Scenario("restore", _nothing, (OURS, "restore", "HEAD~1")),
    Scenario("restore over unsaved data", _changed_data, (OURS, "restore", "HEAD~1")),
    Scenario("undo of a restore", _restored, (OURS, "undo"), back_and_forth=True),
    Scenario("undo of a snapshot", _snapshotted, (OURS, "undo"), back_and_forth=True),
    Scenario("untrack", _nothing, (OURS, "untrack", "data"), repeated=("path-not-tracked",)),
    Scenario(
        "move of a folder",
        _nothing,
        (OURS, "move", "data", "elsewhere/data"),
        data=(),
        repeated=("path-not-tracked",),
    ),
    Scenario(
        "move of a file",
        _nothing,
        (OURS, "move", "model.bin", "m2.bin"),
        data=(),
        repeated=("path-not-tracked",),
    ),
    Scenario("gates", _with_a_ratchet, (OURS, "gates", "--update-ratchet")),
    Scenario(
        "snapshot drop", _nothing, (OURS, "snapshot", "drop", "old"), repeated=("unknown-snapshot",)
    ),
    Scenario(
        "snapshot name",
        _nothing,
        (OURS, "snapshot", "name", "old", "older"),
        repeated=("unknown-snapshot",),
    ),
    Scenario("snapshot note", _nothing, (OURS, "snapshot", "note", "old", "Why it is kept.")),
    Scenario(
        "snapshot branch",
        _nothing,
        (OURS, "snapshot", "branch", "old", "elsewhere"),
        repeated=("name-taken",),
    ),
    Scenario("forget", _with_garbage, (OURS, "forget", "--keep-last", "1"), slow=True),
    Scenario("evict", _with_alternate, (OURS, "evict"), slow=True),
    Scenario(
        "erase",
        _with_secrets,
        (OURS, "erase", *(f"--hash=b3:{hash_bytes(one).hex()}" for one in SECRETS), "--yes"),
        gone=b"".join(secret[:100_000] for secret in SECRETS),
        slow=True,
    ),
    Scenario("push", _with_remote, (OURS, "push")),
    Scenario("push of a change", _to_push_again, (OURS, "push")),
    Scenario("fetch", _to_pull, (OURS, "fetch"), data=(), damaged=True),
    Scenario("pull", _to_pull, (OURS, "pull"), data=(), damaged=True),
    Scenario("push of snapshots", _with_hub, (OURS, "push", "--snapshots"), slow=True),
    Scenario("fetch of snapshots", _to_fetch_snapshots, (OURS, "fetch", "--snapshots"), slow=True),
    Scenario(
        "collection of a remote",
        _remote_with_garbage,
        (OURS, "gc", "--remote", "store", "--grace-hours", "0", "--trash-days", "0"),
        slow=True,
    ),
    Scenario(
        "repair of a remote",
        _damaged_remote,
        (OURS, "repair", "--remote", "store", "--yes"),
        remote_damaged=True,
        slow=True,
    ),
    Scenario("import", _with_source, (OURS, "import", SOURCE, "data", "--output", "theirs")),
    Scenario("update", _to_update, (OURS, "update", "--yes"), data=("data", "theirs")),
    Scenario(
        "update of what changed",
        _to_update_what_changed,
        (OURS, "update", "--theirs", "--yes"),
        data=("data", "theirs"),
    ),
    Scenario(
        "snapshot of what is outside",
        _with_outside,
        (OURS, "snapshot", "--external", OUTSIDE, "outside"),
    ),
    Scenario("restore of what is outside", _to_fetch, (OURS, "restore", "outside", "--yes")),
    Scenario(
        "restore of what is outside over a change",
        _to_fetch_over_a_change,
        (OURS, "restore", "outside", "--yes"),
        data=("data", "outside"),
    ),
    Scenario("first collection", _with_garbage, (OURS, *COLLECT), slow=True),
    Scenario("second collection", _with_trash, (OURS, *PURGE), slow=True),
    Scenario("undo of a collection", _collected, (OURS, "undo"), back_and_forth=True, slow=True),
    Scenario("strip", _with_notebooks, (OURS, "strip", "."), base="init", data=()),
    Scenario(
        "workflow",
        _other_workflow,
        (OURS, "ci", "init", "--github", "--force"),
        base="init",
        data=(),
    ),
    Scenario(
        "verify of a notebook",
        _only_text,
        (OURS, "notebook", "verify", "HEAD", "text.ipynb"),
        slow=True,
    ),
    Scenario("upgrade", _nothing, (OURS, "upgrade"), writes=False),
    Scenario("check", _nothing, (OURS, "check", "--read-data"), writes=False),
    Scenario("repair", _damaged, (OURS, "repair", "--yes"), damaged=True),
    Scenario(
        "checkout with hooks",
        _branched,
        ("git", "checkout", "older"),
        ours_only=True,
        slow=True,
        again=(OURS, "restore"),
        complaint="jupyter-mlops:|cannot be|failed",
    ),
    Scenario(
        "commit with hooks",
        _to_commit,
        ("git", "commit", "-m", "Changed"),
        ours_only=True,
        slow=True,
        again=(OURS, "restore"),
        complaint="jupyter-mlops:|cannot be|failed",
    ),
    Scenario(
        "merge with hooks",
        _to_merge,
        ("git", "merge", "topic"),
        ours_only=True,
        slow=True,
        again=(OURS, "restore"),
        complaint="jupyter-mlops:|cannot be|failed",
    ),
    Scenario(
        "merge by the driver",
        _both_changed,
        ("git", "merge", "topic"),
        ours_only=True,
        slow=True,
        again=("sh", "-c", _CONCLUDE),
        complaint="jupyter-mlops:|cannot be|failed",
    ),
    Scenario(
        "resolve",
        _in_conflict,
        (OURS, "resolve", "data", "--theirs"),
        repeated=("not-in-conflict",),
        slow=True,
    ),
    Scenario(
        "merge of a notebook",
        _versions_of_a_notebook,
        (OURS, "notebook", "merge", "--", "base", "ours", "theirs", "7", "nb.ipynb"),
        base="init",
        data=(),
        slow=True,
        complaint="merged without outputs",
    ),
    Scenario(
        "notebooks into Git",
        _with_notebooks,
        ("git", "add", "0.ipynb", "1.ipynb", "2.ipynb"),
        base="init",
        ours_only=True,
        slow=True,
    ),
    Scenario(
        "notebooks out of Git",
        _committed_notebooks,
        ("git", "checkout", "notebooks"),
        base="init",
        ours_only=True,
        slow=True,
        writes=False,
        data=(),
        again=("sh", "-c", _WITH_OUTPUTS),
        passing=("0.ipynb", "1.ipynb", "2.ipynb"),
        complaint="older outputs|without its outputs",
    ),
    Scenario(
        "logging",
        _nothing,
        ("python", "train.py"),
        base="init",
        data=(),
        complaint="cannot be written",
        slow=True,
        passing=("metrics/train.json",),
    ),
)


def find_scenario(name: str) -> Scenario:
    """Return the scenario called ``name``."""
    (found,) = (scenario for scenario in SCENARIOS if scenario.name == name)
    return found
