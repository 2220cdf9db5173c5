"""Pointer files merged by real Git, with our driver and without it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from jupyter_mlops.commands.doctor import doctor
from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.resolve import ResolveResult, resolve
from jupyter_mlops.commands.status import status
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.formats.conflict import is_in_conflict
from jupyter_mlops.formats.pointer import LISTED_LIMIT, decode_pointer, encode_pointer
from jupyter_mlops.objects.folders import Folder
from jupyter_mlops.snapshots.content import read_entries
from tests.support.data_project import DataProject, make_data_project
from tests.support.project import IDENTITY

pytestmark = pytest.mark.usefixtures("git_starts_forks")

BASE = {"a": "a", "m": "m", "sub/x": "x", "z": "z"}
Changes = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Merging(DataProject):
    """A project in which ``data`` is changed on several branches; Git runs our driver, no hook."""

    def change(self, changes: Changes) -> None:
        """Change files of ``data``; None deletes one."""
        for name, content in changes.items():
            if content is None:
                self.remove(f"data/{name}")
            else:
                self.write(f"data/{name}", content)

    def branch(self, name: str, changes: Changes, start: str = "main") -> str:
        """Make a commit on a branch, a new one where it does not exist, with ``changes``."""
        exists = bool(self.git("branch", "--list", name))
        self.git("switch", "-q", *((name,) if exists else ("-c", name, start)))
        self.restore()
        self.change(changes)
        self.snapshot("data")
        self.git("add", "--all")
        self.git("commit", "-q", "-m", f"{name}: {', '.join(changes)}")
        return self.head()

    def two(self, ours: Changes, theirs: Changes) -> None:
        """Change ``data`` on main and on topic, and be on main."""
        self.branch("topic", theirs)
        self.branch("main", ours)

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run Git without hooks, whatever its exit status."""
        return subprocess.run(
            ["git", "-c", f"core.hooksPath={os.devnull}", *words],
            cwd=self.root,
            env={**os.environ, **IDENTITY, "GIT_EDITOR": "true", **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def pointer(self, path: str = "data") -> bytes:
        """Return a pointer file's bytes."""
        return self.read(f"{path}.mlops")

    def data(self) -> dict[str, str]:
        """Return what a restore of the pointer makes of ``data``; the pointer is canonical."""
        entries = read_entries(self.open().store, decode_pointer(self.pointer(), origin="x"))
        assert encode_pointer(Folder.of(entries).plan_pointer()[0]) == self.pointer()
        self.restore()
        files = self.files("data")
        return {name: what.decode() for name, what in files.items() if isinstance(what, bytes)}

    def resolve(self, *paths: str, ours: bool = False, theirs: bool = False) -> ResolveResult:
        """Resolve conflicts."""
        return resolve(self.open(), paths, ours=ours, theirs=theirs)

    def conflicts(self) -> list[str]:
        """Return the files in conflict that status names."""
        return [name for one in status(self.open()).tracked for name in one.files_in_conflict]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Merging:
    """A project that ``init`` has set up, with a folder and a file on main."""
    root = tmp_path_factory.mktemp("template") / "project"
    project = Merging(make_data_project(root, "--template=").root)
    init(open_here(root))
    project.commit("Use jupyter-mlops")
    project.change(BASE)
    project.write("model.bin", "old")
    project.snapshot("data", "model.bin")
    project.commit("Data")
    return project


@pytest.fixture
def merging(template: Merging, tmp_path: Path) -> Merging:
    """A copy of the template."""
    return Merging(template.copy(tmp_path / "project").root)


def without_driver(project: Merging) -> None:
    """Let Git know nothing of our driver, as it is on forges and in new clones."""
    project.git("config", "--remove-section", "merge.mlops-pointer")


def test_neighbouring_additions_merge(merging: Merging) -> None:
    merging.two({"b": "ours"}, {"c": "theirs"})
    done = merging.run("merge", "topic")
    assert done.returncode == 0, done.stdout
    assert merging.data() == {**BASE, "b": "ours", "c": "theirs"}
    assert merging.states()["data"] == "clean"


def test_so_do_changes_of_neighbouring_files_and_deletions(merging: Merging) -> None:
    merging.two({"a": "ours", "z": None}, {"m": "theirs", "sub/x": None, "sub/y": "new"})
    assert merging.run("merge", "topic").returncode == 0
    assert merging.data() == {"a": "ours", "m": "theirs", "sub/y": "new"}


def test_the_hook_lets_the_data_follow(merging: Merging) -> None:
    merging.two({"b": "ours"}, {"c": "theirs"})
    done = merging.run("-c", f"core.hooksPath={merging.root}/.git/hooks", "merge", "topic")
    assert "restored 1 file" in done.stderr
    assert merging.read("data/c") == b"theirs"


CONFLICTING: dict[str, tuple[Changes, Changes]] = {
    "same file": ({"m": "ours"}, {"m": "theirs"}),
    "added": ({"m2": "ours"}, {"m2": "theirs"}),
    "deleted": ({"m": None}, {"m": "theirs"}),
}


@pytest.mark.parametrize("side", ["ours", "theirs"])
@pytest.mark.parametrize("name", CONFLICTING)
def test_the_same_file_changed_on_both_sides_is_named_and_one_side_is_taken(
    merging: Merging, name: str, side: str
) -> None:
    ours, theirs = CONFLICTING[name]
    (file,) = ours
    merging.two({**ours, "b": "ours"}, {**theirs, "y": "theirs"})
    done = merging.run("merge", "topic")
    assert done.returncode == 1
    assert f"Both sides changed data/{file}." in done.stdout
    assert "CONFLICT (content): Merge conflict in data.mlops" in done.stdout
    assert merging.conflicts() == [f"data/{file}"]
    told = render_text(status(merging.open()).describe(), width=200)
    assert f"data/{file}" in told
    assert f"jupyter mlops resolve data --{side}" in told
    before = merging.everything()
    for refused in (merging.snapshot, merging.restore, merging.resolve):
        with pytest.raises(ConflictError, match=f"data/{file}") as caught:
            refused()
        assert caught.value.code == "pointer-in-conflict"
        assert merging.everything() == before
    result = merging.resolve("data", ours=side == "ours", theirs=side == "theirs")
    assert (result.paths, result.files_taken) == (("data",), (f"data/{file}",))
    assert result.conclude == "git merge --continue"
    assert merging.git("ls-files", "--unmerged") == ""
    taken = ours if side == "ours" else theirs
    merged = {**BASE, "b": "ours", "y": "theirs", **taken}
    assert merging.data() == {name: what for name, what in merged.items() if what is not None}
    merging.git("commit", "--quiet", "--no-edit")
    assert merging.git("status", "--porcelain") == ""


def test_both_versions_of_a_conflict_stay_within_reach(merging: Merging) -> None:
    merging.two({"m": "ours"}, {"m": "theirs"})
    merging.run("merge", "topic")
    for revision, content in (("HEAD", b"ours"), ("MERGE_HEAD", b"theirs")):
        merging.restore(revision, "data")
        assert merging.read("data/m") == content
    merging.run("checkout", "-m", "--", "data.mlops")
    assert merging.conflicts() == ["data/m"]


def test_a_conflict_that_was_resolved_can_be_had_again(merging: Merging) -> None:
    merging.two({"m": "ours"}, {"m": "theirs"})
    merging.run("merge", "topic")
    marked = merging.pointer()
    merging.resolve(theirs=True)
    assert not is_in_conflict(merging.pointer())
    merging.git("checkout", "-m", "--", "data.mlops")
    assert merging.pointer() == marked
    merging.resolve(ours=True)
    assert merging.data() == {**BASE, "m": "ours"}


def test_a_file_merged_by_hand_is_kept_by_a_snapshot(merging: Merging) -> None:
    merging.two({"m": "ours", "b": "ours"}, {"m": "theirs", "c": "theirs"})
    merging.run("merge", "topic")
    merging.resolve("data", ours=True)
    merging.restore()
    merging.write("data/m", "by hand")
    merging.snapshot("data")
    merging.git("commit", "--quiet", "--no-edit")
    assert merging.data() == {**BASE, "m": "by hand", "b": "ours", "c": "theirs"}
    assert len(merging.git("log", "-1", "--format=%P").split()) == 2


def test_the_data_as_it_is_on_disk_concludes_a_merge_too(merging: Merging) -> None:
    merging.two({"m": "ours"}, {"m": "theirs", "c": "theirs"})
    merging.run("merge", "topic")
    merging.write("data/m", "by hand")
    merging.snapshot("data", keep_mine=True)
    assert merging.git("ls-files", "--unmerged") == ""
    merging.git("commit", "--quiet", "--no-edit")
    assert merging.data() == {**BASE, "m": "by hand"}


def test_a_tracked_file_changed_on_both_sides(merging: Merging) -> None:
    for branch, content in (("topic", "theirs"), ("main", "ours")):
        merging.branch(branch, {"only": branch})
        merging.write("model.bin", content)
        merging.snapshot("model.bin", commit=True)
    assert merging.run("merge", "topic").returncode == 1
    assert merging.conflicts() == ["data/only", "model.bin"]
    merging.resolve("model.bin", theirs=True)
    merging.restore("HEAD", "data")
    merging.resolve("data", ours=True)
    merging.restore()
    assert (merging.read("model.bin"), merging.read("data/only")) == (b"theirs", b"main")


def test_another_path_is_restored_while_one_is_in_conflict(merging: Merging) -> None:
    merging.two({"m": "ours"}, {"m": "theirs"})
    merging.run("merge", "topic")
    merging.remove("model.bin")
    told = merging.mlops("restore", "--json")
    assert json.loads(told.stderr)["error"]["code"] == "pointer-in-conflict"
    assert merging.mlops("restore", "HEAD", "model.bin").returncode == 0
    assert merging.read("model.bin") == b"old"


def test_a_path_untracked_on_one_side_is_left_to_the_user(merging: Merging) -> None:
    merging.branch("topic", {"m": "theirs"})
    merging.git("switch", "-q", "main")
    assert merging.mlops("untrack", "data").returncode == 0
    merging.git("commit", "-q", "-a", "-m", "Untracked")
    assert merging.run("merge", "topic").returncode == 1
    with pytest.raises(ConflictError) as caught:
        merging.resolve(ours=True)
    assert caught.value.hints == ("git add -- data.mlops", "git rm -- data.mlops")


def test_what_is_not_in_conflict_is_not_resolved(merging: Merging) -> None:
    for paths in ((), ("data",), ("nothing",)):
        with pytest.raises(NotFoundError) as caught:
            merging.resolve(*paths, ours=True)
        assert caught.value.code == "not-in-conflict"
    with pytest.raises(UsageError):
        merging.resolve(ours=True, theirs=True)


# --- Every command of Git that merges ------------------------------------------------------------


def test_rebase(merging: Merging) -> None:
    merging.two({"b": "main"}, {"c": "topic"})
    assert merging.run("rebase", "main", "topic").returncode == 0
    assert merging.data() == {**BASE, "b": "main", "c": "topic"}


def test_a_rebase_in_conflict_goes_on_after_resolve(merging: Merging) -> None:
    merging.two({"m": "main"}, {"m": "topic"})
    assert merging.run("rebase", "main", "topic").returncode != 0
    assert merging.resolve(theirs=True).conclude == "git rebase --continue"
    assert merging.run("rebase", "--continue").returncode == 0
    assert merging.data() == {**BASE, "m": "topic"}


def test_cherry_pick_and_revert(merging: Merging) -> None:
    merging.two({"b": "main"}, {"c": "topic"})
    assert merging.run("cherry-pick", "topic").returncode == 0
    assert merging.data() == {**BASE, "b": "main", "c": "topic"}
    assert merging.run("revert", "--no-edit", "HEAD~1").returncode == 0
    assert merging.data() == {**BASE, "c": "topic"}


def test_stash_pop(merging: Merging) -> None:
    merging.change({"b": "stashed"})
    merging.snapshot("data")
    merging.git("stash", "-q")
    merging.restore()
    merging.branch("main", {"c": "main"})
    done = merging.run("stash", "pop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert merging.data() == {**BASE, "b": "stashed", "c": "main"}


def test_an_octopus_merges_as_far_as_git_does(merging: Merging) -> None:
    for name in ("one", "two", "three"):
        merging.branch(name, {f"n-{name}": name})
    merging.git("switch", "-q", "main")
    merging.run("merge", "one", "two", "three")
    assert not is_in_conflict(merging.pointer())
    assert merging.data().keys() >= BASE.keys()


@pytest.mark.slow
def test_merges_that_cross_take_the_conflict_of_their_past_for_open(merging: Merging) -> None:
    merging.two({"m": "ours", "b": "ours"}, {"m": "theirs", "c": "theirs"})
    ours, theirs = merging.head(), merging.git("rev-parse", "topic").strip()
    for branch, other, side in (("main", theirs, True), ("topic", ours, True)):
        merging.git("switch", "-q", branch)
        merging.restore()
        merging.run("merge", other)
        merging.resolve(ours=side)
        merging.git("commit", "--quiet", "--no-edit")
    merging.branch("main", {"new": "main"})
    assert len(merging.git("merge-base", "--all", "main", "topic").split()) == 2
    assert merging.run("merge", "topic").returncode == 1
    assert merging.conflicts() == ["data/m"]
    merging.resolve(theirs=True)
    assert merging.data() == {**BASE, "m": "ours", "b": "ours", "c": "theirs", "new": "main"} | {
        "m": "theirs"
    }


def test_a_path_that_both_sides_began_to_track(merging: Merging) -> None:
    for branch, name in (("topic", "theirs"), ("main", "ours")):
        merging.branch(branch, {"only": "same"})
        merging.write(f"more/{name}", name)
        merging.write("more/same", "same")
        merging.snapshot("more")
        merging.commit("more")
        merging.remove("more")
    assert merging.run("merge", "topic").returncode == 0
    merging.restore()
    assert sorted(merging.files("more")) == ["ours", "same", "theirs"]


def test_a_linked_worktree_merges_too(merging: Merging, tmp_path: Path) -> None:
    merging.two({"m": "ours", "b": "ours"}, {"m": "theirs", "c": "theirs"})
    linked = Merging(merging.worktree(tmp_path / "linked", "main").root)
    assert linked.run("merge", "topic").returncode == 1
    assert linked.conflicts() == ["data/m"]
    linked.resolve(theirs=True)
    assert linked.data() == {**BASE, "b": "ours", "m": "theirs", "c": "theirs"}
    assert merging.states()["data"] == "clean"


# --- Big folders ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["big/", ""], ids=["sub-folders", "one manifest"])
def test_big_folders_merge(merging: Merging, folder: str) -> None:
    many = {f"{folder}{number:04}": str(number) for number in range(LISTED_LIMIT + 50)}
    merging.branch("main", many)
    all_files = BASE | many
    file = f"{folder}0500"
    merging.two({f"{folder}new-1": "1", file: "ours"}, {f"{folder}new-2": "2", "sub/x": "t"})
    assert merging.run("merge", "topic").returncode == 0
    added = {f"{folder}new-1": "1", f"{folder}new-2": "2", file: "ours", "sub/x": "t"}
    assert merging.data() == all_files | added
    assert merging.mlops("check", "--read-data").returncode == 0
    merging.branch("topic", {file: "theirs", f"{folder}new-3": "3"})
    merging.git("switch", "-q", "main")
    assert merging.run("merge", "topic").returncode == 1
    assert merging.conflicts() == [f"data/{file}"]
    assert merging.mlops("check", "--read-data").returncode == 0
    merging.resolve(theirs=True)
    assert merging.data() == all_files | added | {file: "theirs", f"{folder}new-3": "3"}


# --- Without the driver --------------------------------------------------------------------------


def test_without_the_tool_git_merges_as_text(merging: Merging) -> None:
    merging.two({"a": "ours"}, {"z": "theirs"})
    without_driver(merging)
    assert merging.run("merge", "topic").returncode == 0
    assert merging.data() == {**BASE, "a": "ours", "z": "theirs"}


def test_what_conflicts_as_text_alone_is_merged_by_resolve(merging: Merging) -> None:
    merging.two({"b": "ours"}, {"c": "theirs"})
    without_driver(merging)
    assert merging.run("merge", "topic").returncode == 1
    assert merging.states()["data"] == "diverged"
    assert merging.resolve().files_taken == ()
    assert merging.data() == {**BASE, "b": "ours", "c": "theirs"}


def test_doctor_misses_the_driver_and_init_repairs_it(merging: Merging) -> None:
    without_driver(merging)
    (finding,) = doctor(open_here(merging.root)).findings
    assert (finding.code, finding.mend) == ("merge-missing", "jupyter mlops init")
    assert "merge of pointer files" in merging.mlops("init").stdout
    merging.two({"b": "ours"}, {"c": "theirs"})
    assert merging.run("merge", "topic").returncode == 0


BROKEN = {
    "the launcher is gone": "rm .git/mlops/launcher",
    "nothing is installed": "sed -i 's/^package=.*/package=gone/' .git/mlops/launcher",
    "Python fails": "printf 'exit 1\\n' > .git/mlops/launcher",
    "Python is killed": "printf 'kill -9 $$\\n' > .git/mlops/launcher",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_driver_that_cannot_run_leaves_a_text_merge(merging: Merging, name: str) -> None:
    path = "/usr/bin:/bin"  # no jupyter-mlops is there
    merging.two({"a": "ours", "b": "ours"}, {"z": "theirs"})
    _break(merging, name)
    done = merging.run("merge", "topic", PATH=path)
    assert done.returncode == 0, done.stderr
    assert merging.data() == {**BASE, "a": "ours", "b": "ours", "z": "theirs"}
    merging.branch("topic", {"c": "theirs"})
    merging.git("switch", "-q", "main")
    _break(merging, name)
    assert merging.run("merge", "topic", PATH=path).returncode == 1
    assert is_in_conflict(merging.pointer())
    assert merging.resolve().paths == ("data",)


def _break(project: Merging, name: str) -> None:
    script = f"chmod u+w .git/mlops/launcher && {BROKEN[name]}"
    subprocess.run(["sh", "-c", script], cwd=project.root, check=True)


@pytest.mark.parametrize("ours", [{"b": "ours"}, {"c": "ours", "b": "ours"}], ids=["clean", "not"])
def test_a_driver_that_is_killed_once_it_has_merged(merging: Merging, ours: Changes) -> None:
    """Git then merges as text what is merged already, and marks of a conflict stay one."""
    merging.two(ours, {"c": "theirs"})
    launcher = merging.root / ".git/mlops/launcher"
    launcher.rename(launcher.with_name("before"))
    launcher.write_text('sh "${0%launcher}before" "$@"\nkill -9 $$\n')
    done = merging.run("merge", "topic")
    launcher.with_name("before").replace(launcher)
    if done.returncode:
        assert is_in_conflict(merging.pointer())
        merging.resolve(theirs=True)
    assert merging.data() == {**BASE, **ours, "c": "theirs"}


def test_a_pointer_that_is_none_is_merged_as_text_with_the_reason(merging: Merging) -> None:
    for branch, text in (("topic", "one\n\n\ntwo\n"), ("main", "one\n\n\n\n")):
        merging.git("switch", "-q", "-C", branch, "main")
        merging.write("x.mlops", text)
        merging.commit(branch)
    done = merging.run("merge", "topic")
    assert "x.mlops is merged as text: The pointer file x.mlops is not valid" in done.stderr
    assert done.returncode in (0, 1)


def test_content_that_is_not_here_is_not_needed_where_one_side_changed_it(
    merging: Merging, tmp_path: Path
) -> None:
    merging.two({"b": "ours"}, {"c": "theirs"})
    clone = Merging(merging.clone(tmp_path / "clone").root)
    assert clone.mlops("init").returncode == 0
    done = clone.run("merge", "origin/topic")
    assert done.returncode == 0, done.stderr
    shutil.copytree(merging.root / ".git/mlops/packs", clone.root / ".git/mlops/packs")
    assert clone.data() == {**BASE, "b": "ours", "c": "theirs"}


# --- What a text merge makes that is not valid ---------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_names_that_clash_after_a_text_merge_are_refused_and_mended(
    merging: Merging, side: str
) -> None:
    merging.two({"N": "ours", "k": "ours"}, {"n": "theirs"})
    without_driver(merging)
    done = merging.run("merge", "topic")
    assert done.returncode == 0
    merging.write("train.py", "later")
    merging.git("commit", "-q", "-a", "-m", "Something else")
    for words in (("status",), ("restore",), ("snapshot",), ("hook", "post-merge", "0")):
        told = merging.mlops(*words)
        assert told.returncode == 5
        assert "'N' and 'n' are one name on many systems" in told.stderr
        assert f"jupyter mlops resolve data --{side}" in told.stderr
    (finding,) = [f for f in doctor(open_here(merging.root)).findings if "pointer" in f.code]
    assert finding.mend == "jupyter mlops resolve data --ours"
    with pytest.raises(ConflictError, match="data/N, data/n"):
        merging.resolve("data")
    merging.resolve(ours=side == "ours", theirs=side == "theirs")
    new = {"N": "ours"} if side == "ours" else {"n": "theirs"}
    assert merging.data() == {**BASE, "k": "ours", **new}
    merging.git("commit", "-q", "-a", "-m", "Mended")
    assert merging.mlops("status").returncode == 0


def test_marks_that_were_committed_are_still_a_conflict(merging: Merging) -> None:
    merging.two({"m": "ours"}, {"m": "theirs"})
    merging.run("merge", "topic")
    merging.git("commit", "-q", "-a", "--no-edit")
    assert merging.conflicts() == ["data/m"]
    with pytest.raises(ConflictError):
        merging.restore()
    merging.resolve(theirs=True)
    merging.git("commit", "-q", "-m", "Decided")
    assert merging.data() == {**BASE, "m": "theirs"}


def test_names_that_clash_are_a_conflict_for_the_driver(merging: Merging) -> None:
    merging.two({"N": "ours"}, {"n": "theirs"})
    assert merging.run("merge", "topic").returncode == 1
    assert merging.conflicts() == ["data/N", "data/n"]


# --- Names and contents that are up to no good ---------------------------------------------------


@pytest.mark.parametrize("name", ["it's $(touch x) `touch x`.mlops", "-rf.mlops", '"a b".mlops'])
def test_a_path_is_one_word_to_the_driver(merging: Merging, name: str) -> None:
    path = name.removesuffix(".mlops")
    for branch, content in (("topic", "t"), ("main", "m")):
        merging.branch(branch, {"only": "same"})
        merging.write(f"{path}/{branch}", content)
        merging.snapshot(path)
        merging.commit("more")
        merging.remove(path)
    done = merging.run("merge", "topic")
    assert done.returncode == 0, done.stdout + done.stderr
    merging.restore()
    assert sorted(merging.files(path)) == ["main", "topic"]
    assert not (merging.root / "x").exists()


def test_a_path_of_several_lines_is_merged_as_text(merging: Merging) -> None:
    for branch in ("topic", "main"):
        merging.git("switch", "-q", "-C", branch, "main")
        merging.write("a\nb\x1b[31m.mlops", f"{branch}\n")
        merging.commit(branch)
    done = merging.run("merge", "topic")
    assert done.returncode == 1
    assert "is merged as text" in done.stderr
    assert "\x1b" not in done.stderr


def test_marks_as_long_as_an_attribute_says_are_still_a_conflict(merging: Merging) -> None:
    merging.write(".git/info/attributes", "*.mlops conflict-marker-size=20\n")
    merging.two({"m": "ours"}, {"m": "theirs"})
    merging.run("merge", "topic")
    assert b"\n" + b"<" * 20 + b" ours\n" in merging.pointer()
    assert merging.conflicts() == ["data/m"]
    assert merging.resolve(theirs=True).paths == ("data",)
