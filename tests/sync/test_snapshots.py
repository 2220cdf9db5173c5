"""Snapshots through real bare Git remotes, and as bundles through the data's remote."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_mlops.commands.fetch import FetchResult, fetch
from jupyter_mlops.commands.gc import gc
from jupyter_mlops.commands.log import log
from jupyter_mlops.commands.pull import pull
from jupyter_mlops.commands.push import PushResult, push
from jupyter_mlops.commands.snapshot_drop import snapshot_drop
from jupyter_mlops.commands.snapshot_name import snapshot_name
from jupyter_mlops.errors import ConflictError, NotFoundError, UnavailableError
from jupyter_mlops.ids import hash_bytes
from tests.support.data_project import DataProject
from tests.support.project import Project, make_project
from tests.sync.team import Team

_REFS = "refs/mlops/snapshots"


class Hub:
    """A team whose code is in a bare repository and whose data is in a folder."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "remote"
        self.team = Team(folder, str(self.data))
        self.git = make_project(folder / "hub.git", "--bare")
        self.ada = self.team.origin
        self.ada.git("remote", "add", "origin", str(self.git.root))
        self.ada.git("push", "--quiet", "-u", "origin", "main")
        self._folder = folder

    def clone(self, name: str, *options: str) -> DataProject:
        """Return a new clone of what was pushed."""
        target = self._folder / name
        url = f"file://{self.git.root}"
        self.ada.git("clone", "--quiet", *options, url, str(target))
        project = DataProject(target)
        project.mlops("init")
        return project

    def refuse(self, hook: str) -> None:
        """Let the server run ``hook`` before it takes anything."""
        path = self.git.write("hooks/pre-receive", f"#!/bin/sh\n{hook}\n")
        path.chmod(0o755)

    def refs(self) -> dict[str, str]:
        """Return the snapshots that the server has."""
        return _refs(self.git, _REFS)

    def bundles(self) -> list[Path]:
        """Return the bundles beside the data."""
        return sorted(self.data.glob("snapshots/*/*.bundle"))


_REFUSE = 'while read old new ref; do case "$ref" in refs/mlops/*) exit 1;; esac; done'


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path)


def _refs(project: Project, prefix: str) -> dict[str, str]:
    listed = project.git("for-each-ref", "--format=%(refname) %(objectname)", prefix)
    rows = (row.split() for row in listed.splitlines())
    return {name: oid for name, oid in rows}


def _keep(project: DataProject, content: str, name: str | None = None) -> str:
    """Keep ``content`` as a snapshot that no branch names; return its id."""
    project.write("data/a", content * 1000)
    kept = project.snapshot("data", name=name)
    project.git("reset", "--quiet", "--hard")
    project.remove("data")
    return kept.id


def _push(project: DataProject, *ids: str) -> PushResult:
    return push(project.open(), snapshots=ids)


def _fetch(project: DataProject, *ids: str) -> FetchResult:
    return fetch(project.open(), snapshots=ids)


def _from(project: DataProject) -> dict[str, str | None]:
    return {one.id: one.remote for one in log(project.open()).snapshots}


def test_a_remote_is_collected_only_where_all_its_snapshots_are_known(hub: Hub) -> None:
    id = _keep(hub.ada, "in a bundle")
    assert _push(hub.ada, id).bundles == (id,)
    bob = hub.clone("bob")
    for _ in range(2):
        with pytest.raises(ConflictError) as refused:
            gc(bob.open(), remote="store", grace_hours=0, trash_days=0)
        assert refused.value.code == "not-fetched"
    assert _fetch(bob).snapshots == 1
    for _ in range(4):
        gc(bob.open(), remote="store", grace_hours=0, trash_days=0)
    carol = hub.clone("carol")
    assert _fetch(carol).snapshots == 1
    carol.mlops("restore", id)
    assert carol.read("data/a") == b"in a bundle" * 1000


def test_named_snapshots_go_to_the_git_remote_and_come_back_whole(hub: Hub) -> None:
    other = _keep(hub.ada, "other")
    pushed = _push(hub.ada)
    assert (pushed.snapshots, pushed.unnamed) == (0, 1)
    best = _keep(hub.ada, "best", "best")
    pushed = _push(hub.ada)
    assert (pushed.snapshots, pushed.bundles, pushed.refusal) == (1, (), None)
    assert set(hub.refs()) == {f"{_REFS}/{best}"}
    assert _push(hub.ada).up_to_date
    bob = hub.clone("bob")
    assert _from(bob) == {}
    fetched = _fetch(bob)
    assert (fetched.snapshots, fetched.refused, fetched.absent) == (1, (), 0)
    assert _from(bob) == {best: "origin"}
    assert "origin" in bob.mlops("log").stdout
    bob.restore("best")
    assert bob.read("data/a") == b"best" * 1000
    assert _fetch(bob).up_to_date
    assert other not in bob.git("for-each-ref")
    assert set(_from(hub.ada).values()) == {None}


def test_snapshots_without_a_name_go_as_bundles_when_they_are_named_by_id(hub: Hub) -> None:
    best, other = _keep(hub.ada, "best", "best"), _keep(hub.ada, "other")
    pushed = _push(hub.ada, best, other)
    assert (pushed.snapshots, pushed.bundles) == (2, (other,))
    assert set(hub.refs()) == {f"{_REFS}/{best}"}
    assert [bundle.parent.name for bundle in hub.bundles()] == [other]
    assert _push(hub.ada, best, other).up_to_date
    bob = hub.clone('b:o"b\\')
    assert fetch(bob.open()).waiting == 1
    assert _fetch(bob).snapshots == 2
    assert _from(bob) == {best: "origin", other: "store"}
    bob.restore(other)
    assert bob.read("data/a") == b"other" * 1000
    assert bob.git("rev-parse", f"refs/mlops/remotes/store/bundles/{other}") == hub.ada.git(
        "rev-parse", f"{_REFS}/{other}"
    )
    assert bob.git("fsck", "--strict") == ""
    (bundle,) = hub.bundles()
    assert bob.git("bundle", "verify", "--quiet", str(bundle)) == ""
    assert bob.git("bundle", "list-heads", str(bundle)).split()[1:] == [f"{_REFS}/{other}"]
    assert fetch(bob.open()).waiting == 0


@pytest.mark.parametrize("how", ["hook", "hidden", "no right", "no Git remote"])
def test_named_snapshots_go_as_bundles_where_git_does_not_take_them(hub: Hub, how: str) -> None:
    if how == "hook":
        hub.refuse(_REFUSE)
    elif how == "hidden":
        hub.git.git("config", "transfer.hideRefs", "refs/mlops")
    elif how == "no right":
        hub.ada.git("config", "remote.origin.receivepack", "false")
    bob = hub.clone("bob")
    if how == "no Git remote":
        hub.ada.git("remote", "remove", "origin")
    best = _keep(hub.ada, "best", "best")
    pushed = _push(hub.ada)
    assert (pushed.snapshots, pushed.bundles) == (1, (best,))
    assert pushed.refusal
    assert hub.refs() == {}
    assert _push(hub.ada).snapshots == 0
    assert _fetch(bob).snapshots == 1
    bob.restore("best")
    assert bob.read("data/a") == b"best" * 1000


def test_a_git_remote_that_cannot_be_reached_is_told_after_all_else_is_done(hub: Hub) -> None:
    best, other = _keep(hub.ada, "best", "best"), _keep(hub.ada, "other")
    _push(hub.ada, best, other)
    bob = hub.clone("bob")
    away = hub.git.root.rename(hub.git.root.with_name("away.git"))
    with pytest.raises(UnavailableError) as caught:
        _fetch(bob)
    assert caught.value.code == "git-remote-unreachable"
    assert _from(bob) == {other: "store"}
    bob.restore(other)
    _keep(hub.ada, "third", "third")
    with pytest.raises(UnavailableError) as caught:
        _push(hub.ada)
    assert caught.value.code == "git-remote-unreachable"
    away.rename(hub.git.root)
    assert _push(hub.ada).snapshots == 1
    assert _fetch(bob).snapshots == 2


def test_pruning_leaves_ones_own_and_those_that_were_fetched(hub: Hub) -> None:
    _keep(hub.ada, "best", "best")
    _push(hub.ada)
    bob = hub.clone("bob")
    _fetch(bob)
    own = _keep(bob, "mine")
    before = _refs(bob, "refs/mlops")
    bob.git("config", "fetch.prune", "true")
    bob.git("config", "fetch.pruneTags", "true")
    hub.git.git("update-ref", "-d", *hub.refs())
    bob.git("fetch", "--prune", "--all")
    bob.git("remote", "prune", "origin")
    _fetch(bob)
    assert _refs(bob, "refs/mlops") == before
    assert f"{_REFS}/{own}" in before
    assert bob.git("config", "--get-all", "remote.origin.push", check=False) == ""
    assert bob.git("config", "--get-all", "remote.origin.fetch").count("\n") == 1


def test_a_mirror_is_neither_emptied_nor_does_it_empty(hub: Hub) -> None:
    best = _keep(hub.ada, "best", "best")
    hub.git.git("branch", "other", "main")
    for key, value in (("mirror", "true"), ("fetch", "+refs/*:refs/*"), ("prune", "true")):
        hub.ada.git("config", f"remote.origin.{key}", value)
    before = hub.ada.git("show-ref")
    assert _push(hub.ada).snapshots == 1
    assert set(hub.refs()) == {f"{_REFS}/{best}"}
    assert "refs/heads/other" in hub.git.git("show-ref")
    hub.git.git("update-ref", f"{_REFS}/{best}", "main")
    assert len(_fetch(hub.ada).refused) == 1
    assert set(before.splitlines()) <= set(hub.ada.git("show-ref").splitlines())


def test_a_fetched_snapshot_that_is_given_a_name_is_ones_own(hub: Hub) -> None:
    other = _keep(hub.ada, "other")
    _push(hub.ada, other)
    bob = hub.clone("bob")
    _fetch(bob)
    with pytest.raises(ConflictError) as caught:
        _push(bob, other)
    assert caught.value.code == "snapshot-of-remote"
    snapshot_name(bob.open(), other, "ours")
    assert _from(bob) == {other: None}
    bob.undo()
    assert _from(bob) == {other: "store"}
    bob.undo()
    assert _from(bob) == {other: None}
    assert _push(bob).snapshots == 1
    assert _fetch(hub.ada).snapshots == 1
    assert _from(hub.ada) == {other: None}


def test_two_that_push_at_once_both_succeed_and_a_third_gets_both(hub: Hub) -> None:
    clones = [hub.ada, hub.clone("bob")]
    kept = [(_keep(one, f"{n}", f"n{n}"), _keep(one, f"other {n}")) for n, one in enumerate(clones)]
    barrier = threading.Barrier(len(clones))

    def work(clone: DataProject, ids: tuple[str, str]) -> PushResult:
        barrier.wait()
        return _push(clone, *ids)

    with ThreadPoolExecutor() as pool:
        results = list(pool.map(work, clones, kept))
    assert [(one.snapshots, len(one.bundles)) for one in results] == [(2, 1), (2, 1)]
    carol = hub.clone("carol")
    assert _fetch(carol).snapshots == 4
    for number, ids in enumerate(kept):
        for id, content in zip(ids, (f"{number}", f"other {number}"), strict=True):
            carol.restore(id)
            assert carol.read("data/a") == content.encode() * 1000


def test_what_somebody_else_has_changed_is_not_written_over_unseen(hub: Hub) -> None:
    best = _keep(hub.ada, "best", "best")
    _push(hub.ada)
    bob = hub.clone("bob")
    _fetch(bob)
    snapshot_name(bob.open(), best, "theirs")
    _push(bob)
    theirs = hub.refs()
    snapshot_name(hub.ada.open(), best, "mine")
    with pytest.raises(ConflictError) as caught:
        _push(hub.ada)
    assert caught.value.code == "snapshot-moved"
    assert hub.refs() == theirs
    _fetch(hub.ada)
    assert _from(hub.ada) == {best: None}
    assert _push(hub.ada).snapshots == 1
    assert hub.refs() == _refs(hub.ada, _REFS)


def test_content_of_fetched_snapshots_is_kept_by_a_collection_until_they_are_dropped(
    hub: Hub,
) -> None:
    best = _keep(hub.ada, "best", "best")
    _push(hub.ada)
    bob = hub.clone("bob")
    _fetch(bob)
    assert gc(bob.open(), grace_hours=0).trashed_bytes == 0
    bob.restore("best")
    assert bob.read("data/a") == b"best" * 1000
    snapshot_drop(bob.open(), ("best",))
    assert _from(bob) == {}
    bob.undo()
    assert _from(bob) == {best: "origin"}
    snapshot_drop(bob.open(), ("best",))
    assert _fetch(bob).snapshots == 1


def test_one_is_had_alone_and_only_the_content_of_a_path(hub: Hub) -> None:
    hub.ada.write("model.bin", "weights" * 1000)
    hub.ada.write("data/a", "a" * 1000)
    one = hub.ada.snapshot("data", "model.bin", name="one").id
    hub.ada.git("reset", "--quiet", "--hard")
    two = _keep(hub.ada, "two", "two")
    _push(hub.ada)
    bob = hub.clone("bob")
    fetch(bob.open(), ("data",), snapshots=(one,))
    assert _from(bob) == {one: "origin"}
    bob.restore("one", "data")
    with pytest.raises(NotFoundError) as caught:
        bob.restore("one", "model.bin")
    assert caught.value.code == "content-missing"
    three = _keep(hub.ada, "three")
    _push(hub.ada, three)
    assert pull(bob.open(), snapshots=("two",)).snapshots == 1
    assert _from(bob) == {one: "origin", two: "origin"}
    bob.restore(two)
    assert _fetch(bob, three[:6]).snapshots == 1
    bob.restore(three)
    snapshot_drop(bob.open(), (three,))
    with pytest.raises(NotFoundError) as caught:
        _fetch(bob, "nobody")
    assert caught.value.code == "unknown-snapshot"
    assert _from(bob) == {one: "origin", two: "origin"}


def test_a_shallow_clone_is_told_what_it_lacks(hub: Hub) -> None:
    early = _keep(hub.ada, "early")
    _push(hub.ada, early)
    hub.ada.commit("later")
    hub.ada.commit("later still")
    late = _keep(hub.ada, "late")
    hub.ada.git("push", "--quiet")
    _push(hub.ada, late)
    bob = hub.clone("bob", "--depth", "1")
    (told,) = _fetch(bob).refused
    assert early in told
    assert _from(bob) == {late: "store"}
    with pytest.raises(NotFoundError) as caught:
        _fetch(bob, early)
    assert caught.value.code == "base-missing"
    assert caught.value.hints == ("git fetch --unshallow",)
    bob.git("fetch", "--unshallow", "--quiet")
    _fetch(bob, early)
    bob.restore(early)
    carol = hub.clone("carol", "--depth", "1")
    carol.git("remote", "remove", "origin")
    own = _keep(carol, "own")
    _push(carol, own)
    (bundle,) = (found for found in hub.bundles() if own in str(found))
    assert bundle.read_bytes().startswith(f"# v2 git bundle\n-{carol.head()}".encode())
    _fetch(bob, own)
    bob.restore(own)
    assert bob.read("data/a") == b"own" * 1000


def test_history_that_no_git_remote_has_travels_in_the_bundle(hub: Hub) -> None:
    hub.ada.write("train.py", "print('changed')\n")
    base = hub.ada.commit("not pushed")
    other = _keep(hub.ada, "other")
    _push(hub.ada, other)
    bob = hub.clone("bob")
    _fetch(bob)
    assert bob.git("rev-parse", f"refs/mlops/remotes/store/bundles/{other}^").strip() == base
    bob.restore(other)


def test_what_is_not_well_formed_in_a_git_remote_keeps_nothing_else_away(hub: Hub) -> None:
    best, third = _keep(hub.ada, "best", "best"), _keep(hub.ada, "third", "third")
    _push(hub.ada)
    entries = hub.ada.git("ls-tree", f"{_REFS}/{third}")
    tree = hub.ada.git("mktree", input=f"{entries}160000 commit {hub.ada.head()}\t.git\n").strip()
    evil = hub.ada.git("commit-tree", "-m", "x", tree).strip()
    hub.ada.git("push", "--quiet", "origin", f"+{evil}:{_REFS}/{third}")
    bob = hub.clone("bob")
    fetched = _fetch(bob)
    assert (fetched.snapshots, len(fetched.refused)) == (1, 1)
    assert set(_refs(bob, "refs/mlops")) == {f"refs/mlops/remotes/origin/{best}"}


def test_names_of_a_hostile_git_remote_come_nowhere(hub: Hub) -> None:
    best, second = _keep(hub.ada, "best", "best"), _keep(hub.ada, "second", "second")
    _push(hub.ada)
    commit, blob = hub.ada.head(), hub.ada.git("rev-parse", "HEAD:train.py").strip()
    tag = hub.ada.git("mktag", input=_TAG.format(commit=hub.refs()[f"{_REFS}/{second}"])).strip()
    hub.ada.git("push", "--quiet", "origin", f"{tag}:refs/tags/t", f"{blob}:refs/tags/b")
    for name, oid in {
        "a/b/c": commit,
        "heads": commit,
        "-x": commit,
        "gaaaaaaaaaaa": commit,
        "gbbbbbbbbbbb": blob,
        second: tag,
        f"deep/{best}": hub.refs()[f"{_REFS}/{best}"],
        "gddddddddddd": hub.refs()[f"{_REFS}/{best}"],
    }.items():
        hub.git.git("update-ref", f"{_REFS}/{name}", oid)
    bob = hub.clone("bob")
    before = _refs(bob, "refs")
    fetched = _fetch(bob)
    assert fetched.snapshots == 1
    assert len(fetched.refused) == 8
    after = _refs(bob, "refs")
    assert set(after) - set(before) == {f"refs/mlops/remotes/origin/{best}"}
    assert not (bob.root / ".git/FETCH_HEAD").exists()


def test_a_push_that_was_killed_is_finished_by_the_next(hub: Hub, tmp_path: Path) -> None:
    best, other = _keep(hub.ada, "best", "best"), _keep(hub.ada, "other")
    number = tmp_path / "number"
    hub.refuse(f'until [ -s "{number}" ]; do :; done\nkill -9 "$(cat "{number}")"')
    command = [sys.executable, "-m", "jupyter_mlops", "push", "--snapshots", best, other]
    with subprocess.Popen(command, cwd=hub.ada.root, stderr=subprocess.PIPE) as process:
        number.write_text(str(process.pid))
        process.communicate()
    assert process.returncode == -9
    (hub.git.root / "hooks/pre-receive").unlink()
    _push(hub.ada, best, other)
    assert _push(hub.ada, best, other).up_to_date
    assert hub.refs() == {name: oid for name, oid in _refs(hub.ada, _REFS).items() if best in name}
    bob = hub.clone("bob")
    assert _fetch(bob).snapshots == 2
    for id in (best, other):
        bob.restore(id)


def test_a_hook_of_the_users_own_hears_of_the_push_and_ours_does_not(hub: Hub) -> None:
    best = _keep(hub.ada, "best", "best")
    hooks = hub.ada.root / ".git/hooks"
    assert (hooks / "pre-push").exists()
    own = hub.ada.write(".git/hooks/pre-push", f'#!/bin/sh\ncat >"{hooks}/heard"\n')
    own.chmod(0o755)
    hub.ada.mlops("init")
    hub.ada.write(".git/mlops/launcher", f'touch "{hooks}/ours"\n')
    assert hub.ada.mlops("push", "--snapshots").returncode == 0
    assert not (hooks / "ours").exists()
    assert f"{_REFS}/{best}" in (hooks / "heard").read_text()


_TAG = "object {commit}\ntype commit\ntag t\ntagger A <a@b.c> 0 +0000\n\nx\n"


class Forger:
    """Puts bundles of all kinds beside the data, under the names that they would have."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.good = _keep(hub.ada, "good")
        _push(hub.ada, self.good)
        (self.bundle,) = hub.bundles()
        self.content = self.bundle.read_bytes()
        self.commit = hub.ada.git("rev-parse", f"{_REFS}/{self.good}").strip()

    def put(self, content: bytes, *, id: str | None = None, commit: str | None = None) -> None:
        """Put ``content`` where the good bundle was, or as that of another snapshot."""
        self.bundle.unlink(missing_ok=True)
        folder = self.hub.data / "snapshots" / (id or self.good)
        folder.mkdir(parents=True, exist_ok=True)
        name = f"9-{commit or self.commit}-{hash_bytes(content).hex()}.bundle"
        (folder / name).write_bytes(content)


def _pack(project: DataProject, *words: str, options: tuple[str, ...] = ()) -> bytes:
    """Return a pack of the objects that are named, or with ``--revs`` of all that they reach."""
    return subprocess.run(
        ["git", "pack-objects", "--stdout", "-q", *options],
        cwd=project.root,
        input="".join(f"{word}\n" for word in words).encode(),
        capture_output=True,
        check=True,
    ).stdout


def _bundle(forger: Forger, commit: str, pack: bytes) -> bytes:
    return f"# v2 git bundle\n{commit} {_REFS}/{forger.good}\n\n".encode() + pack


def _cases(forger: Forger) -> Iterator[tuple[str, bytes, str, str]]:
    good, content, commit = forger.good, forger.content, forger.commit
    ada, ref = forger.hub.ada, f"{_REFS}/{forger.good}"
    head = ada.head()
    yield "another ref", content.replace(ref.encode(), b"refs/heads/main"), good, commit
    more = content.replace(b"\n\n", f"\n{head} refs/heads/main\n\n".encode(), 1)
    yield "one ref more", more, good, commit
    yield "of another", content, "gzzzzzzzzzzz", commit
    yield "another commit", content, good, "1" * 40
    yield "cut", content[:-30], good, commit
    yield "flipped", content[:-40] + bytes([content[-40] ^ 1]) + content[-39:], good, commit
    yield "no header", b"PACK" + content, good, commit
    yield "no end", b"# v2 git bundle\n" + b"-" * 2_000_000, good, commit
    yield (
        "a filter",
        content.replace(b"# v2 git bundle\n", b"# v3 git bundle\n@filter=x\n"),
        good,
        commit,
    )
    yield "empty", b"", good, commit
    needing = content.replace(head.encode(), b"2" * 40)
    yield "needs what nobody has", needing, good, commit
    tree = ada.git("mktree", "--missing", input=f"100644 blob {'3' * 40}\tx\n").strip()
    hollow = ada.git("commit-tree", "-m", "x", tree).strip()
    yield "hollow", _bundle(forger, hollow, _pack(ada, hollow, tree)), good, hollow
    evil = ada.git("mktree", input=f"160000 commit {head}\t.git\n").strip()
    climbing = ada.git("commit-tree", "-m", "x", evil).strip()
    yield (
        "a .git within",
        _bundle(forger, climbing, _pack(ada, climbing, options=("--revs",))),
        good,
        climbing,
    )
    yield "no snapshot", _bundle(forger, head, _pack(ada, head, options=("--revs",))), good, head


def test_bundles_that_are_not_what_they_should_be_bring_nothing(hub: Hub) -> None:
    forger, bob = Forger(hub), hub.clone("bob")
    before, objects = _refs(bob, "refs"), _objects(bob)
    for what, content, id, commit in _cases(forger):
        forger.put(content, id=id, commit=commit)
        fetched = _fetch(bob)
        assert (fetched.snapshots, len(fetched.refused)) == (0, 1), what
        assert _refs(bob, "refs") == before, what
        if what != "no snapshot":  # of good objects, which Git may throw away
            assert _objects(bob) == objects, what
        assert bob.leftovers() == [], what
        for path in hub.data.glob("snapshots/*/9-*"):
            path.unlink()


def test_a_bundle_that_builds_on_what_is_not_whole_here_brings_nothing(hub: Hub) -> None:
    forger, bob = Forger(hub), hub.clone("bob")
    lacking = f"100644 blob {'3' * 40}\tx\n"
    bob.git("mktree", "--missing", input=lacking)
    tree = hub.ada.git("mktree", "--missing", input=lacking).strip()
    hollow = hub.ada.git("commit-tree", "-m", "x", tree).strip()
    forger.put(_bundle(forger, hollow, _pack(hub.ada, hollow)), commit=hollow)
    (reason,) = _fetch(bob).refused
    assert "3" * 40 in reason
    assert bob.git("cat-file", "-e", hollow, check=False) == ""
    assert hollow not in bob.git("cat-file", "--batch-all-objects", "--batch-check")


def _objects(project: DataProject) -> set[str]:
    folder = project.root / ".git/objects"
    return {str(path) for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_that_was_altered_is_noted_and_put_again(hub: Hub) -> None:
    forger = Forger(hub)
    forger.bundle.chmod(0o644)
    forger.bundle.write_bytes(forger.content[:-1] + b"x")
    bob = hub.clone("bob")
    assert len(_fetch(bob).refused) == 1
    assert _push(hub.ada, forger.good).bundles == (forger.good,)
    fetched = _fetch(bob)
    assert (fetched.snapshots, fetched.refused) == (1, ())
    bob.restore(forger.good)


def test_a_hostile_bundle_does_not_hide_the_good_one(hub: Hub) -> None:
    forger = Forger(hub)
    folder = forger.bundle.parent
    evil = b"# v2 git bundle\nno"
    own = _keep(hub.ada, "other")
    _push(hub.ada, own)
    commit = hub.ada.git("rev-parse", f"{_REFS}/{own}").strip()
    (folder / f"999999998-{commit}-{hash_bytes(evil).hex()}.bundle").write_bytes(evil)
    (folder / f"999999999-{'1' * 40}-{hash_bytes(evil).hex()}.bundle").write_bytes(evil)
    bob = hub.clone("bob")
    _fetch(bob, own)
    assert _fetch(bob).snapshots == 1
    bob.restore(forger.good)
