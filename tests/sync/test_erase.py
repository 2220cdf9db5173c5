"""Content that is erased: gone here, on remotes and in clones, while all else restores."""

from __future__ import annotations

import random
import shutil
import threading
from contextlib import AbstractContextManager, chdir
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.erase import EraseResult, erase
from jupyter_mlops.commands.evict import evict
from jupyter_mlops.commands.export import export
from jupyter_mlops.commands.fetch import fetch
from jupyter_mlops.commands.gc import gc
from jupyter_mlops.commands.get import get
from jupyter_mlops.commands.import_data import import_data
from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.push import push
from jupyter_mlops.commands.remote import source_of
from jupyter_mlops.commands.repair import repair
from jupyter_mlops.commands.run import run_invocation
from jupyter_mlops.commands.status import status
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.errors import (
    ConflictError,
    IntegrityError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from jupyter_mlops.formats.erasure import Erasure, encode_erasure
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import format_hash, hash_bytes
from jupyter_mlops.objects.running import running
from jupyter_mlops.objects.store import create_shared_store
from jupyter_mlops.progress import NoProgress, Task
from jupyter_mlops.snapshots.erase import find_pieces
from tests.notebooks.conftest import code, notebook_bytes
from tests.support.clock import HandClock
from tests.support.data_project import DataProject, make_data_project
from tests.support.sites import WRITABLE, Kind, Sites
from tests.sync.team import Team, fetch_data, keep, pull_data, push_data

_random = random.Random(7)
SECRET = _random.randbytes(3_000)
"""Bytes that nothing compresses, so that they can be looked for."""

BIG = _random.randbytes(600_000)
"""A file of several chunks."""

OTHER = _random.randbytes(200_000)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def team(tmp_path: Path, remote: Path) -> Team:
    return Team(tmp_path, str(remote))


def erase_data(
    project: DataProject, *paths: str, yes: bool = True, **options: object
) -> EraseResult:
    return erase(project.open(), paths, yes=yes, **options)  # type: ignore[arg-type]


def files_with(content: bytes, *places: DataProject | Path) -> list[str]:
    """Return the files, of a project those in Git's folder, that have some of the content."""
    parts = [content[at : at + 64] for at in range(0, len(content) - 64, 2_000)]
    return sorted(
        str(path)
        for folder in _roots(places)
        for path in folder.rglob("*")
        if path.is_file() and any(part in path.read_bytes() for part in parts)
    )


def _roots(places: tuple[DataProject | Path, ...]) -> list[Path]:
    return [one.root / ".git" if isinstance(one, DataProject) else one for one in places]


def keep_files(project: DataProject, files: dict[str, bytes]) -> str:
    """Write files below ``data``, keep and commit them; return the commit."""
    for name, content in files.items():
        project.write(f"data/{name}", content)
    keep(project, "data")
    return project.head()


def assert_gone(content: bytes, *places: DataProject | Path) -> None:
    assert files_with(content, *places) == []
    for one in places:
        if isinstance(one, DataProject):
            assert check(one.open(), read_data=True).ok
            assert one.leftovers() == []


def test_it_is_gone_everywhere_and_all_else_restores(team: Team, remote: Path) -> None:
    origin = team.origin
    keep_files(origin, {"a": b"a" * 500, "secret": SECRET, "big": BIG, "z": b"z"})
    push_data(origin)
    clone = team.clone()
    pull_data(clone)
    erased = erase_data(origin, "data/secret", "data/big", reason="it names people")
    assert erased.exit_status == 0
    assert erased.in_worktree == ("data/big", "data/secret")
    assert {one.path for one in erased.referrers} == {"data/big", "data/secret"}
    assert "main" in erased.referrers[0].refs
    assert files_with(SECRET, clone) != []
    (told,) = fetch_data(clone).erased
    assert "it names people" in told
    for content in (SECRET, BIG):
        assert_gone(content, origin, clone, remote)
    for project in (origin, clone):
        assert check(project.open()).erased == 2
        project.remove("data")
        assert project.restore().erased == ("data/big", "data/secret")
        assert project.files("data") == {"a": b"a" * 500, "z": b"z"}
        assert project.state("data") == "clean"
    third = team.clone()
    pulled = pull_data(third)
    assert pulled.left_out == ("data/big", "data/secret")
    assert third.files("data") == {"a": b"a" * 500, "z": b"z"}
    assert push_data(third).up_to_date


@pytest.mark.parametrize("kind", WRITABLE)
def test_it_is_gone_from_every_kind_of_remote(sites: Sites, tmp_path: Path, kind: Kind) -> None:
    site = sites.make(kind)
    team = Team(tmp_path, site.url, site.settings)
    keep_files(team.origin, {"a": OTHER, "big": BIG, "secret": SECRET})
    push_data(team.origin)
    with site.open() as backend:
        before = {one.name for one in backend.iter_objects()}
    erased = erase_data(team.origin, "data/big", "data/secret")
    assert [(one.failure, one.packs) for one in erased.remotes] == [(None, 1)]
    with site.open() as backend:
        after = {one.name: backend.read(one.name) for one in backend.iter_objects()}
    assert not {name for name in before & after.keys() if name.startswith(("packs/", "index/"))}
    for content in after.values():
        assert SECRET[:64] not in content and BIG[:64] not in content
        assert BIG[-64:] not in content
    clone = team.clone()
    pull_data(clone)
    assert clone.files("data") == {"a": OTHER}
    again = erase_data(team.origin, "data/big", "data/secret")
    assert [(one.failure, one.packs) for one in again.remotes] == [(None, 0)]
    assert (again.packs, again.destroyed_bytes) == (0, 0)


def test_what_other_content_has_too_stays_and_is_told(team: Team, remote: Path) -> None:
    origin = team.origin
    keep_files(origin, {"big": BIG, "longer": BIG + OTHER})
    push_data(origin)
    shown = erase_data(origin, "data/big", yes=False, dry_run=True)
    assert shown.shared_bytes > len(BIG) * 0.5
    assert [one.path for one in shown.sharers] == ["data/longer"]
    erased = erase_data(origin, "data/big")
    assert erased.remotes[0].shared_bytes == erased.shared_bytes == shown.shared_bytes
    assert erased.remotes[0].holders == ()
    clone = team.clone()
    for project in (origin, clone):
        shutil.rmtree(project.root / "data", ignore_errors=True)
    pull_data(clone)
    origin.restore()
    for project in (origin, clone):
        assert project.files("data") == {"longer": BIG + OTHER}
        assert check(project.open(), read_data=True).ok
    assert erase_data(origin, "data/longer").shared_bytes == 0
    fetch_data(clone)
    assert_gone(BIG, origin, clone, remote)


def test_a_file_on_a_remote_that_nothing_here_names_is_told(team: Team, remote: Path) -> None:
    origin = team.origin
    keep_files(origin, {"big": BIG})
    clone = team.clone()
    clone.write("more/longer", BIG + OTHER)
    keep(clone, "more")
    push_data(origin)
    push_data(clone)
    (there,) = erase_data(origin, "data/big").remotes
    assert there.holders == (format_hash(hash_bytes(BIG + OTHER)),)
    assert there.shared_bytes > 0
    clone.remove("more")
    pull_data(clone, "more")
    assert clone.read("more/longer") == BIG + OTHER
    erase_data(origin, hash=there.holders)
    assert_gone(BIG, origin, remote)


def test_only_one_version_goes(team: Team, remote: Path) -> None:
    origin = team.origin
    first = keep_files(origin, {"a": SECRET, "b": b"b"})
    origin.git("tag", "v1")
    keep_files(origin, {"a": b"clean"})
    push(origin.open(), all_branches=True)
    origin.snapshot(name="kept")
    erased = erase_data(origin, "data/a", rev=first)
    assert erased.hashes == (format_hash(hash_bytes(SECRET)),)
    (referrer,) = erased.referrers
    assert first in referrer.commits
    assert "main" in referrer.refs and "v1" in referrer.refs
    assert_gone(SECRET, origin, remote)
    assert origin.state("data") == "clean"
    assert origin.restore(first).erased == ("data/a",)
    assert origin.files("data") == {"a": b"clean", "b": b"b"}
    assert origin.restore("main").erased == ()
    assert origin.states() == {"data": "clean"}


def test_nothing_goes_without_yes(team: Team, remote: Path) -> None:
    keep_files(team.origin, {"secret": SECRET})
    push_data(team.origin)
    before = team.origin.everything(), files_with(SECRET, team.origin, remote)
    asked = erase_data(team.origin, "data/secret", yes=False)
    assert (asked.done, asked.exit_status) == (False, 4)
    assert erase_data(team.origin, "data/secret", yes=False, dry_run=True).exit_status == 0
    assert (team.origin.everything(), files_with(SECRET, team.origin, remote)) == before
    team.origin.remove("data")
    team.origin.restore()
    assert team.origin.read("data/secret") == SECRET


def test_it_is_gone_from_trash_quarantine_and_plain_packs(
    team: Team, tmp_path: Path, remote: Path
) -> None:
    origin = team.origin
    keep_files(origin, {"big": BIG, "other": OTHER})
    push_data(origin)
    digits = hash_bytes(BIG).hex()
    for folder in (origin.root / ".git/mlops", remote):
        (folder / "packs" / digits[:2]).mkdir(exist_ok=True)
        (folder / "packs" / digits[:2] / f"{digits}.plain").write_bytes(BIG)
    origin.snapshot(name="again")
    origin.write("data/late", SECRET)
    origin.snapshot(name="dropped")
    origin.remove("data/late")
    origin.snapshot("data")
    origin.mlops("snapshot", "drop", "dropped")
    for ref in origin.git("for-each-ref", "--format=%(refname)", "refs/mlops/dropped").split():
        origin.git("update-ref", "-d", ref)
    origin.git("reflog", "expire", "--expire=now", "--all")
    gc(origin.open(), grace_hours=0)
    assert [path for path in files_with(SECRET, origin) if "/trash/" in path]
    damaged = origin.root / ".git/mlops/quarantine" / f"{'0' * 64}.pack"
    damaged.parent.mkdir()
    damaged.write_bytes(b"not a pack" + SECRET)
    erase_data(origin, "data/big", hash=[format_hash(hash_bytes(SECRET))])
    for content in (BIG, SECRET):
        assert_gone(content, origin, remote)
    origin.remove("data")
    origin.restore("again")
    assert origin.files("data") == {"other": OTHER}


def test_what_else_lay_in_the_trash_is_not_lost(team: Team) -> None:
    origin = team.origin
    keep_files(origin, {"a": b"a"})
    origin.write("data/secret", SECRET)
    origin.write("data/more", OTHER)
    dropped = origin.snapshot()
    commit = origin.git("rev-parse", f"refs/mlops/snapshots/{dropped.id}").strip()
    for name in ("secret", "more"):
        origin.remove(f"data/{name}")
    origin.snapshot("data")
    origin.git("update-ref", "-d", f"refs/mlops/snapshots/{dropped.id}")
    gc(origin.open(), grace_hours=0)
    assert [path for path in files_with(OTHER, origin) if "/trash/" in path]
    erase_data(origin, hash=[format_hash(hash_bytes(SECRET))])
    assert_gone(SECRET, origin)
    origin.git("update-ref", "refs/heads/found", commit)
    assert origin.restore("found").erased == ("data/secret",)
    assert origin.read("data/more") == OTHER


def test_a_snapshot_that_still_has_it_is_refused_until_it_is_lifted(
    team: Team, remote: Path
) -> None:
    origin = team.origin
    keep_files(origin, {"a": b"a", "secret": SECRET})
    push_data(origin)
    erase_data(origin, "data/secret", reason="a key")
    clone = team.clone()
    pull_data(clone)
    before = origin.everything()
    with pytest.raises(ConflictError) as refused:
        origin.snapshot()
    assert refused.value.code == "content-erased"
    assert "data/secret" in refused.value.message and "a key" in refused.value.message
    origin.write("elsewhere", SECRET)
    with pytest.raises(ConflictError):
        origin.snapshot("elsewhere")
    origin.remove("elsewhere")
    assert origin.everything() == before
    assert_gone(SECRET, origin, remote)
    lifted = erase_data(origin, "data/secret", lift=True)
    assert (lifted.lifted, lifted.exit_status) == (True, 0)
    origin.snapshot()
    origin.commit("again")
    push_data(origin)
    clone.git("pull", "--quiet")
    pull_data(clone)
    clone.remove("data")
    clone.restore()
    assert clone.read("data/secret") == SECRET
    with pytest.raises(NotFoundError) as nothing:
        erase_data(origin, "data/secret", lift=True)
    assert nothing.value.code == "not-erased"


def test_a_file_that_may_not_be_kept_is_never_overwritten(team: Team) -> None:
    origin = team.origin
    first = keep_files(origin, {"a": b"clean"})
    keep_files(origin, {"a": SECRET})
    erase_data(origin, "data/a", rev="HEAD")
    with pytest.raises(ConflictError) as refused:
        origin.restore(first)
    assert refused.value.code == "content-erased"
    assert origin.read("data/a") == SECRET
    origin.remove("data/a")
    origin.restore(first)
    assert origin.read("data/a") == b"clean"
    assert_gone(SECRET, origin)


def test_a_clone_that_does_not_know_sends_nothing_of_it(team: Team, remote: Path) -> None:
    origin = team.origin
    keep_files(origin, {"secret": SECRET, "big": BIG})
    push_data(origin)
    clone = team.clone()
    pull_data(clone)
    clone.write("data/new", b"new" * 100)
    keep(clone)
    erase_data(origin, "data/secret", "data/big")
    (told,) = push_data(clone).erased
    assert "The content of 2 files was erased" in told
    for content in (SECRET, BIG):
        assert_gone(content, remote, clone)
    assert not push_data(clone).erased
    third = team.clone()
    third.git("pull", "--quiet", str(clone.root), "main")
    pull_data(third)
    assert third.files("data") == {"new": b"new" * 100}


def test_a_remote_that_is_not_told_keeps_it_and_is_named(team: Team, remote: Path) -> None:
    origin = team.origin
    keep_files(origin, {"secret": SECRET, "a": OTHER})
    push_data(origin)
    erased = erase_data(origin, "data/secret", local_only=True)
    assert [one.failure is None for one in erased.remotes] == [False]
    assert erased.exit_status == 6
    assert_gone(SECRET, origin)
    assert files_with(SECRET, remote) != []
    origin.remove("data")
    shutil.rmtree(origin.root / ".git/mlops/packs")
    shutil.rmtree(origin.root / ".git/mlops/index")
    pulled = pull_data(origin)
    assert (pulled.left_out, origin.files("data")) == (("data/secret",), {"a": OTHER})
    assert_gone(SECRET, origin)
    push_data(origin)
    assert not (remote / "erased").exists()
    assert erase_data(origin, "data/secret").exit_status == 0
    assert_gone(SECRET, origin, remote)


def test_a_remote_that_cannot_be_written_is_named(team: Team, remote: Path, sites: Sites) -> None:
    origin = team.origin
    keep_files(origin, {"secret": SECRET})
    site = sites.make("http")
    origin.git("config", "mlops.remote.store.url", site.url)
    erased = erase_data(origin, "data/secret")
    assert erased.exit_status == 6
    assert [one.name for one in erased.remotes if one.failure] == ["store"]
    assert_gone(SECRET, origin)


def test_reading_says_when_who_and_why(team: Team) -> None:
    origin = team.origin
    commit = keep_files(origin, {"secret": SECRET, "big": BIG})
    push_data(origin)
    erase_data(origin, "data", reason="by law")
    for project in (origin, team.clone()):
        for name in ("secret", "big"):
            with chdir(project.root), pytest.raises(NotFoundError) as told:
                mlops.open(f"data/{name}", commit).read()
            assert told.value.code == "content-erased"
            assert "by law" in told.value.message


def test_outputs_of_a_notebook_are_erased(team: Team, remote: Path) -> None:
    origin = team.origin
    text = "".join(_random.choices("abcdefghijklmnopqrstuvwxyz", k=3000))
    shown = {"output_type": "stream", "name": "stdout", "text": [text]}
    notebook = notebook_bytes([code("print(1)", execution_count=1, outputs=[shown])])
    origin.write("n.ipynb", notebook)
    origin.commit("A notebook")
    push_data(origin)
    key = hash_bytes(origin.git("show", "HEAD:n.ipynb").encode())
    store = origin.open().store
    assert store.find(RecordKind.OUTPUTS, key) is not None
    erased = erase_data(origin, "n.ipynb")
    assert erased.hashes == (format_hash(key),)
    assert erased.in_git == ()
    origin.write("n.ipynb", notebook + b"\n")
    origin.git("add", "n.ipynb")
    clone = team.clone()
    assert pull_data(clone).outputs == ()
    for project in (origin, clone):
        store = project.open().store
        assert store.places(RecordKind.OUTPUTS, key) == []
        assert check(project.open(), read_data=True).ok


def test_it_waits_for_commands_that_may_need_what_stands_beside_it(team: Team) -> None:
    origin = team.origin
    keep_files(origin, {"secret": SECRET, "big": BIG})
    other = origin.open()
    began, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with running(other.store):
            began.set()
            may_end.wait()

    worker = threading.Thread(target=work)
    worker.start()
    began.wait()
    with pytest.raises(UnavailableError) as told:
        erase_data(origin, "data/secret")
    assert told.value.code == "commands-under-way"
    assert origin.restore("HEAD").erased == ()
    origin.remove("data/secret")
    assert origin.restore("HEAD").erased == ("data/secret",)
    may_end.set()
    worker.join()
    erase_data(origin, "data/secret")
    assert_gone(SECRET, origin)
    origin.remove("data")
    origin.restore()
    assert origin.files("data") == {"big": BIG}


def test_a_clone_in_which_somebody_is_busy_goes_on_at_its_next_fetch(team: Team) -> None:
    origin = team.origin
    keep_files(origin, {"secret": SECRET})
    push_data(origin)
    clone = team.clone()
    pull_data(clone)
    erase_data(origin, "data/secret")
    began, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with running(clone.open().store):
            began.set()
            may_end.wait()

    worker = threading.Thread(target=work)
    worker.start()
    began.wait()
    assert "Not destroyed here yet" in fetch_data(clone).erased[1]
    may_end.set()
    worker.join()
    assert files_with(SECRET, clone) != []
    assert fetch_data(clone).erased == ()
    assert_gone(SECRET, clone)


def test_whoever_reads_meanwhile_goes_on(team: Team) -> None:
    origin = team.origin
    keep_files(origin, {"secret": SECRET, "big": BIG})
    push_data(origin)
    clone = team.clone()
    with source_of(clone.open()) as source:
        big, secret = hash_bytes(BIG), hash_bytes(SECRET)
        (encoded,) = source.read(RecordKind.FILE, [big])
        erase_data(origin, hash=[format_hash(secret)])
        assert source.read(RecordKind.FILE, [big]) == [encoded]
        with pytest.raises(NotFoundError):
            source.read(RecordKind.CHUNK, [secret])


def test_an_erasure_of_a_remote_that_is_none_is_left_out(team: Team, remote: Path) -> None:
    origin = team.origin
    clock = HandClock()
    keep_files(origin, {"a": OTHER})
    push_data(origin)
    good = Erasure(clock.now(), "Eve", erased=(hash_bytes(OTHER),))
    encoded = encode_erasure(good)
    folder = remote / "erased"
    folder.mkdir()
    (folder / f"{'0' * 64}.json").write_bytes(encoded)
    for broken in (encoded.replace(b"Eve", b"\xff"), encoded[:-1], b"[" * 10_000, b""):
        (folder / f"{hash_bytes(broken).hex()}.json").write_bytes(broken)
    fetched = fetch_data(origin)
    assert (fetched.erased, fetched.up_to_date) == ((), True)
    newer = encoded.replace(b'"format": 0', b'"format": 1')
    (folder / f"{hash_bytes(newer).hex()}.json").write_bytes(newer)
    with pytest.raises(UnsupportedError) as told:
        fetch_data(origin)
    assert told.value.code == "format-newer"
    assert files_with(OTHER, origin) != []


def test_a_damaged_erasure_is_told_and_comes_again(team: Team) -> None:
    origin = team.origin
    keep_files(origin, {"secret": SECRET})
    push_data(origin)
    erase_data(origin, "data/secret")
    (file,) = (origin.root / ".git/mlops/erased").iterdir()
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(content[:-5])
    assert [one.what for one in check(origin.open()).damaged] == ["erasure", "content"]
    fetch_data(origin)
    assert file.read_bytes() == content
    assert check(origin.open()).ok


def test_a_pack_of_which_nobody_can_tell_what_it_holds_is_no_success(team: Team) -> None:
    origin = team.origin
    keep_files(origin, {"secret": SECRET})
    digits = "0" * 64
    origin.write(f".git/mlops/packs/00/{digits}.pack", b"mlopsPK\0" + SECRET)
    with pytest.raises(IntegrityError) as told:
        erase_data(origin, "data/secret")
    assert told.value.code == "pack-damaged"
    repair(origin.open(), yes=True)
    erase_data(origin, "data/secret")
    assert_gone(SECRET, origin)


def test_a_shared_store_is_left_alone(team: Team, tmp_path: Path) -> None:
    origin = team.origin
    keep_files(origin, {"secret": SECRET})
    push_data(origin)
    create_shared_store(tmp_path / "shared")
    sharer = team.clone()
    sharer.git("config", "mlops.store", str(tmp_path / "shared"))
    pull_data(sharer)
    with pytest.raises(ConflictError) as told:
        erase_data(sharer, "data/secret")
    assert told.value.code == "store-shared"
    erase_data(origin, "data/secret")
    (sentence,) = fetch_data(sharer).erased
    assert str(tmp_path / "shared") in sentence
    sharer.remove("data")
    assert sharer.restore().erased == ("data/secret",)


def test_an_alternate_is_named(team: Team, tmp_path: Path) -> None:
    origin = team.origin
    keep_files(origin, {"secret": SECRET})
    shutil.copytree(origin.root / ".git/mlops", tmp_path / "alternate")
    origin.git("config", "mlops.alternates", str(tmp_path / "alternate"))
    erased = erase_data(origin, "data/secret")
    assert erased.in_alternates == (str(tmp_path / "alternate"),)
    origin.remove("data")
    assert origin.restore().erased == ("data/secret",)
    with chdir(origin.root), pytest.raises(NotFoundError):
        mlops.open("data/secret")


def test_what_git_itself_had_is_told(team: Team) -> None:
    origin = team.origin
    origin.write("model.bin", b"first in Git")
    origin.commit("In Git")
    origin.git("rm", "--quiet", "--cached", "model.bin")
    origin.snapshot("model.bin")
    origin.commit("Tracked")
    assert erase_data(origin, "model.bin").in_git == ("model.bin",)


@pytest.mark.parametrize("words", ["erase", "erase nothing --yes", "erase --hash b3:12 --yes"])
def test_what_is_not_there_is_refused(team: Team, words: str) -> None:
    before = team.origin.everything()
    invocation = parse_words(words.split(), COMMANDS)
    with pytest.raises(mlops.errors.MlopsError) as told:
        run_invocation(invocation, start=team.origin.root)
    assert told.value.code in {"missing-argument", "path-not-tracked", "hash-invalid"}
    assert team.origin.everything() == before


def test_plain_files_are_written_without_what_was_erased(team: Team, tmp_path: Path) -> None:
    origin = team.origin
    keep_files(origin, {"a": b"a", "secret": SECRET})
    push_data(origin)
    erase_data(origin, "data/secret")
    exported = export(origin.open(), "HEAD", str(tmp_path / "plain"))
    assert (exported.files, exported.erased, exported.exit_status) == (1, ("data/secret",), 3)
    assert (tmp_path / "plain/data/a").read_bytes() == b"a"
    with pytest.raises(NotFoundError) as told:
        export(origin.open(), "HEAD", str(tmp_path / "alone"), ("data/secret",))
    assert told.value.code in {"content-erased", "path-not-tracked"}
    got = get(open_here(tmp_path), str(origin.root), "data", output=tmp_path / "got")
    assert (got.files, got.erased) == (1, ("data/secret",))


def test_what_a_clone_keeps_by_itself_stays(team: Team, remote: Path) -> None:
    """A remote can have content destroyed, and nothing that something else here needs."""
    origin = team.origin
    keep_files(origin, {"big": BIG})
    push_data(origin)
    clone = team.clone()
    pull_data(clone)
    clone.write("mine/longer", BIG + OTHER)
    mine = clone.snapshot("mine")
    erase_data(origin, "data/big")
    (told,) = fetch_data(clone).erased
    assert "The content of 1 file was erased" in told
    assert check(clone.open(), read_data=True).ok
    clone.remove("mine")
    clone.restore(mine.id)
    assert clone.read("mine/longer") == BIG + OTHER
    assert clone.read("data/big") == BIG


def test_an_erasure_of_what_is_a_piece_of_something_else_takes_nothing_from_it(
    team: Team, remote: Path
) -> None:
    origin = team.origin
    keep_files(origin, {"big": BIG})
    push_data(origin)
    store = origin.open().store
    pieces = find_pieces(store, [hash_bytes(BIG)])
    assert len(pieces) > 1
    erased = erase_data(origin, hash=[format_hash(id) for id in sorted(pieces)])
    assert erased.shared_bytes == len(BIG)
    assert [one.path for one in erased.sharers] == ["data/big"]
    clone = team.clone()
    pull_data(clone)
    assert clone.read("data/big") == BIG
    assert check(origin.open(), read_data=True).ok


def test_undo_brings_back_all_else(team: Team) -> None:
    origin = team.origin
    first = keep_files(origin, {"a": b"first"})
    keep_files(origin, {"a": b"second", "secret": SECRET})
    origin.restore(first)
    erase_data(origin, hash=[format_hash(hash_bytes(SECRET))])
    origin.undo()
    assert origin.files("data") == {"a": b"second"}
    assert origin.state("data") == "clean"


def test_collecting_and_repairing_go_on(team: Team) -> None:
    origin = team.origin
    keep_files(origin, {"a": OTHER, "secret": SECRET})
    erase_data(origin, "data/secret")
    origin.remove("data/secret")
    gc(origin.open(), grace_hours=0, trash_days=0)
    assert repair(origin.open(), yes=True).exit_status == 0
    origin.remove("data")
    assert origin.restore().erased == ("data/secret",)
    assert origin.files("data") == {"a": OTHER}


def test_what_is_pushed_while_somebody_erases_is_destroyed_by_who_pushed_it(
    team: Team, remote: Path
) -> None:
    origin = team.origin
    keep_files(origin, {"a": OTHER})
    push_data(origin)
    clone = team.clone()
    pull_data(clone)
    clone.write("data/secret", SECRET)
    keep(clone)

    class Meanwhile(NoProgress):
        """Lets the other one erase when the packs are about to be sent."""

        def task(
            self, label: str, total: int | None, unit: str = "B"
        ) -> AbstractContextManager[Task]:
            if label.startswith("Pushing to"):
                erase_data(origin, hash=[format_hash(hash_bytes(SECRET))])
            return super().task(label, total, unit)

    pushed = push(clone.open(progress=Meanwhile()))
    assert len(pushed.erased) == 1
    assert_gone(SECRET, remote, clone)


def test_many_contents_are_one_note(team: Team, remote: Path) -> None:
    origin = team.origin
    keep_files(origin, {f"{number}": b"%d" % number for number in range(200)})
    push_data(origin)
    erase_data(origin, "data")
    assert len(list((remote / "erased").iterdir())) == 1
    clone = team.clone()
    assert len(pull_data(clone).left_out) == 200
    assert check(clone.open()).erased == 200


def _forget(project: DataProject) -> None:
    """Delete snapshots, reflogs and what a reset left."""
    project.git("update-ref", "-d", "ORIG_HEAD")
    for ref in project.git("for-each-ref", "--format=%(refname)", "refs/mlops").split():
        project.git("update-ref", "-d", ref)
    project.git("reflog", "expire", "--expire=now", "--all")


def test_it_is_gone_from_the_trash_of_a_remote_and_what_else_lay_there_is_not_lost(
    team: Team, remote: Path
) -> None:
    origin = team.origin
    keep_files(origin, {"a": b"a"})
    push_data(origin)
    first = origin.head()
    found = keep_files(origin, {"more": OTHER, "secret": SECRET})
    push_data(origin)
    origin.git("reset", "--quiet", "--hard", first)
    origin.restore()
    _forget(origin)
    gc(origin.open(), remote="store", grace_hours=0)
    assert len(list((remote / "trash").iterdir())) == 1
    erase_data(origin, hash=[format_hash(hash_bytes(SECRET))])
    assert_gone(SECRET, remote)
    assert list((remote / "trash").iterdir()) == []
    origin.git("branch", "found", found)
    clone = team.clone()
    clone.git("switch", "--quiet", "found")
    fetch_data(clone)
    assert clone.restore().erased == ("data/secret",)
    assert clone.read("data/more") == OTHER


def test_what_a_clone_has_evicted_is_kept_for_it_but_for_what_was_erased(
    team: Team, remote: Path
) -> None:
    origin = team.origin
    keep_files(origin, {"a": OTHER, "big": BIG})
    push_data(origin)
    clone = team.clone()
    pull_data(clone)
    evict(clone.open(), remote="store")
    erase_data(origin, "data/big")
    claimed = " ".join(file.read_text() for file in (remote / "claims").iterdir()).split()
    assert {path.name for path in (remote / "packs").rglob("*.pack")} < set(claimed)
    clone.undo()
    assert list((remote / "claims").iterdir()) == []
    assert_gone(BIG, clone)
    assert check(clone.open()).ok
    clone.remove("data")
    clone.restore()
    assert clone.files("data") == {"a": OTHER}


def test_a_clone_that_does_not_know_keeps_up_the_remote_without_it(
    team: Team, remote: Path
) -> None:
    origin = team.origin
    keep_files(origin, {"a": OTHER, "secret": SECRET})
    push_data(origin)
    clone = team.clone()
    pull_data(clone)
    erase_data(origin, "data/secret")
    found = check(clone.open(), remote="store", read_data=True)
    assert (found.ok, found.erased) == (True, 1)
    gc(clone.open(), remote="store", grace_hours=0, trash_days=0)
    for pack in (remote / "packs").rglob("*.pack"):
        pack.unlink()
    assert repair(clone.open(), remote="store", yes=True).exit_status == 0
    assert_gone(SECRET, remote)
    other = team.clone()
    pull_data(other)
    assert other.files("data") == {"a": OTHER}


def test_it_counts_neither_as_unpushed_nor_as_lacking(team: Team) -> None:
    origin = team.origin
    keep_files(origin, {"a": OTHER, "secret": SECRET})
    push_data(origin)
    erase_data(origin, "data/secret")
    assert status(origin.open()).not_pushed == 0
    origin.remove("data")
    (shown,) = status(origin.open()).tracked
    assert (shown.pushed, shown.pulled) == (True, True)


def test_snapshots_of_others_refer_to_it_and_bundles_are_counted(team: Team, remote: Path) -> None:
    origin = team.origin
    keep_files(origin, {"a": b"a"})
    push_data(origin)
    clone = team.clone()
    pull_data(clone)
    clone.write("data/secret", SECRET)
    kept = clone.snapshot()
    push(clone.open(), snapshots=(kept.id,))
    hashes = [format_hash(hash_bytes(SECRET))]
    erased = erase_data(origin, hash=hashes)
    assert [(one.failure, one.not_fetched) for one in erased.remotes] == [(None, 1)]
    assert_gone(SECRET, remote)
    fetch(origin.open(), snapshots=())
    again = erase_data(origin, hash=hashes)
    assert [one.refs for one in again.referrers] == [(f"store/bundles/{kept.id}",)]
    assert again.remotes[0].not_fetched == 0


def test_it_is_not_imported_by_another_project(team: Team, tmp_path: Path) -> None:
    keep_files(team.origin, {"a": OTHER, "secret": SECRET})
    push_data(team.origin)
    erase_data(team.origin, "data/secret", reason="a key")
    other = make_data_project(tmp_path / "other")
    other.mlops("init")
    with pytest.raises(ConflictError) as refused:
        import_data(other.open(), str(team.origin.root), "data", output="theirs")
    assert refused.value.code == "content-erased" and "a key" in refused.value.message
    assert not (other.root / "theirs").exists()
