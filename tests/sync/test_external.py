"""Data that stays where it is: recorded, watched, read in place, fetched on request."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import jupyter_mlops as mlops
from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.diff import diff
from jupyter_mlops.commands.export import export
from jupyter_mlops.commands.gc import gc
from jupyter_mlops.commands.move import move
from jupyter_mlops.commands.push import push
from jupyter_mlops.commands.restore import restore
from jupyter_mlops.commands.snapshot import SnapshotResult, snapshot
from jupyter_mlops.commands.status import TrackedResult, status
from jupyter_mlops.commands.untrack import untrack
from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError, UsageError
from jupyter_mlops.formats.pointer import decode_pointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.reading.filesystem import MlopsFileSystem
from jupyter_mlops.snapshots.follow import follow_pointers
from tests.support.data_project import DataProject, make_data_project
from tests.support.sites import KINDS, Kind, Site, Sites

OBJECTS = {"a.csv": b"x,y\n1,2\n", "deep/b.csv": b"z\n3\n", "big.bin": bytes(range(256)) * 9000}


@pytest.fixture
def project(tmp_path: Path) -> DataProject:
    project = make_data_project(tmp_path / "project")
    project.mlops("init")
    project.commit("Set up")
    return project


@pytest.fixture
def here(project: DataProject) -> Iterator[DataProject]:
    """The project, as the current folder."""
    before = Path.cwd()
    os.chdir(project.root)
    yield project
    os.chdir(before)


def use(project: DataProject, site: Site) -> None:
    """Let the project have a remote at the site's bucket or host, with its settings."""
    place = site.url.partition("/prefix")[0] if site.kind != "file" else site.url
    config = project.root / "mlops.toml"
    config.write_text(config.read_text() + f'\n[remotes.place]\nurl = "{place}/remote"\n')
    for field in dataclasses.fields(site.settings):
        value = getattr(site.settings, field.name)
        if value != field.default:
            key = f"mlops.remote.place.{field.name.replace('_', '-')}"
            project.git("config", key, str(value))
    project.commit("A remote")


def record(project: DataProject, url: str, path: str = "data/outside") -> SnapshotResult:
    return snapshot(project.open(), (path,), external=url)


def pointer_of(project: DataProject, path: str = "data/outside") -> ExternalPointer:
    pointer = decode_pointer(project.read(f"{path}.mlops"), origin=path)
    assert isinstance(pointer, ExternalPointer)
    return pointer


def look(project: DataProject, *, ask: bool = True) -> TrackedResult:
    (one,) = status(project.open(), external=ask).tracked
    return one


def fetch(project: DataProject, path: str = "data/outside", *, yes: bool = False) -> int:
    return restore(project.open(), None, (path,), yes=yes).written


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_outside_is_recorded_watched_and_fetched(
    sites: Sites, here: DataProject, kind: Kind
) -> None:
    site = sites.make(kind)
    use(here, site)
    site.fill({f"set/{name}": content for name, content in OBJECTS.items()})
    record(here, f"{site.url}/set", "data/same")
    same = here.read("data/same.mlops")
    here.undo()
    taken = record(here, f"{site.url}/set/")
    assert here.read("data/outside.mlops") == same
    assert [(p.path, p.kind, p.files) for p in taken.paths] == [("data/outside", "external", 3)]
    assert taken.new_bytes == 0
    assert not (here.root / "data/outside").exists()
    assert here.read("data/.gitignore") == b"/outside\n"
    objects = pointer_of(here).objects
    assert {name: one.size_bytes for name, one in objects.items()} == {
        name: len(content) for name, content in OBJECTS.items()
    }
    assert all(one.etag for one in objects.values())
    assert (look(here).state, look(here).external_changes) == ("clean", 0)
    assert look(here, ask=False).external_changes is None
    with mlops.open("data/outside/big.bin") as file:
        file.seek(256 * 8000 + 65)
        assert file.read(3) == b"ABC"
    assert fetch(here) == 3
    assert {n: here.read(f"data/outside/{n}") for n in OBJECTS} == OBJECTS
    assert fetch(here) == 0
    site.fill({"set/a.csv": b"another content"})
    one = look(here)
    assert (one.state, one.external_changes) == ("clean", 1)
    record(here, f"{site.url}/set/")
    assert here.state("data/outside") == "behind"
    assert fetch(here) == 3
    assert here.read("data/outside/a.csv") == b"another content"
    assert here.state("data/outside") == "clean"


@pytest.mark.parametrize("kind", ["s3", "http", "file"])
def test_what_changed_outside_is_not_read(sites: Sites, here: DataProject, kind: Kind) -> None:
    site = sites.make(kind)
    use(here, site)
    site.fill({"a.csv": b"x,y\n1,2\n"})
    record(here, f"{site.url}/a.csv", "a.csv")
    assert list(pointer_of(here, "a.csv").objects) == [""]
    with mlops.open("a.csv", mode="r") as file:
        assert file.read() == "x,y\n1,2\n"
    assert mlops.read_table("a.csv")["y"].tolist() == [2]
    site.fill({"a.csv": b"x,y\n1,3\n."})
    assert look(here).external_changes == 1
    before = here.everything()
    with pytest.raises(ConflictError) as caught, mlops.open("a.csv") as file:
        file.read()
    assert caught.value.code == "object-changed"
    with pytest.raises(ConflictError) as again:
        fetch(here, "a.csv")
    assert again.value.code == "object-changed"
    assert here.everything() == before


def test_a_version_is_read_after_another_one_was_put(sites: Sites, here: DataProject) -> None:
    site = sites.make_versioned()
    use(here, site)
    with site.open() as backend:
        backend.put("set/a.csv", b"first")
        backend.put("set/b.csv", b"only")
        record(here, f"{site.url}/set/")
        here.commit("first")
        assert all(one.version for one in pointer_of(here).objects.values())
        backend.put("set/a.csv", b"other")
        backend.delete("set/b.csv")
    assert look(here).external_changes == 2
    with mlops.open("data/outside/a.csv") as file:
        assert file.read() == b"first"
    assert fetch(here) == 2
    assert here.read("data/outside/b.csv") == b"only"
    record(here, f"{site.url}/set/")
    with mlops.open("data/outside/a.csv") as file:
        assert file.read() == b"first", "the copy that is here"
    here.commit("other")
    with mlops.open("data/outside/a.csv", rev="HEAD~1") as file:
        assert file.read() == b"first"
    with mlops.open("data/outside/a.csv", rev="HEAD") as file:
        assert file.read() == b"other"


def test_the_file_system_of_revisions_reads_it(here: DataProject, tmp_path: Path) -> None:
    record(here, str(_outside(tmp_path)))
    here.commit("outside")
    files = MlopsFileSystem(skip_instance_cache=True)
    assert files.find("HEAD/data") == ["HEAD/data/outside/a.txt", "HEAD/data/outside/b.txt"]
    told = files.info("HEAD/data/outside/b.txt")
    assert (told["size"], told["type"], told["blake3"]) == (6, "file", None)
    assert files.cat_file("HEAD/data/outside/b.txt", 1, 4) == b"eco"
    with pytest.raises(FileNotFoundError):
        files.cat_file("HEAD/data/outside/c.txt")


def _outside(tmp_path: Path) -> Path:
    """Return a folder outside of the project with two files."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"first")
    (folder / "b.txt").write_bytes(b"second")
    return folder


def test_a_changed_copy_is_protected(project: DataProject, tmp_path: Path) -> None:
    folder = _outside(tmp_path)
    record(project, str(folder))
    fetch(project)
    project.write("data/outside/a.txt", "mine")
    assert project.state("data/outside") == "changed"
    shown = project.mlops("status").stdout
    assert "All data is as its pointers say" not in shown
    assert "jupyter mlops restore data/outside" in shown
    assert "jupyter mlops snapshot data/outside --keep-mine" in shown
    for paths in ((), ("data/outside",)):
        with pytest.raises(ConflictError) as caught:
            project.snapshot(*paths)
        assert caught.value.code == "external-changed"
    back = restore(project.open(), None, ("data/outside",))
    assert project.read("data/outside/a.txt") == b"first"
    assert back.saved_as is not None
    project.undo()
    assert project.read("data/outside/a.txt") == b"mine"
    assert project.state("data/outside") == "changed"
    project.snapshot("data/outside", keep_mine=True)
    assert project.state("data/outside") == "clean"
    (folder / "a.txt").unlink()
    project.remove("data/outside")
    project.restore()
    assert project.read("data/outside/a.txt") == b"mine"


def test_other_commands_leave_what_is_outside_where_it_is(
    project: DataProject, tmp_path: Path
) -> None:
    folder = _outside(tmp_path)
    project.write("model.bin", "model")
    project.snapshot("model.bin")
    record(project, str(folder))
    project.commit("first")
    taken = project.snapshot()
    assert [one.path for one in taken.paths] == ["model.bin"]
    assert taken.left_out == ()
    (folder / "a.txt").write_bytes(b"other content")
    record(project, str(folder))
    (changed,) = diff(project.open()).paths
    assert (changed.path, changed.modified) == ("data/outside", ("a.txt",))
    project.commit("second")
    assert not diff(project.open()).paths
    (changed,) = diff(project.open(), "HEAD~1", "HEAD").paths
    assert changed.modified == ("a.txt",)
    assert check(project.open(), read_data=True).ok
    gc(project.open())
    project.restore("HEAD~1")
    assert not (project.root / "data/outside").exists()
    assert project.states() == {"data/outside": "clean", "model.bin": "clean"}
    project.restore("HEAD")
    exported = export(project.open(), "HEAD", str(tmp_path / "plain"))
    assert exported.files == 3
    assert (tmp_path / "plain/data/outside/a.txt").read_bytes() == b"other content"
    move(project.open(), "data/outside", "elsewhere")
    assert pointer_of(project, "elsewhere").url == str(folder)
    project.undo()
    fetch(project)
    move(project.open(), "data/outside", "elsewhere")
    assert project.read("elsewhere/b.txt") == b"second"
    assert project.states() == {"elsewhere": "clean", "model.bin": "clean"}
    untrack(project.open(), "elsewhere")
    assert project.states() == {"model.bin": "clean"}


def test_its_path_may_stand_alone_on_the_command_line(project: DataProject, tmp_path: Path) -> None:
    folder = _outside(tmp_path)
    project.write("model.bin", "model")
    project.snapshot("model.bin")
    record(project, str(folder))
    project.mlops("restore")
    assert not (project.root / "data/outside").exists()
    project.mlops("restore", "data/outside")
    assert project.read("data/outside/a.txt") == b"first"
    project.git("branch", "data/outside")
    with pytest.raises(ConflictError) as caught:
        project.restore("data/outside")
    assert caught.value.code == "revision-comes-first"


def test_hooks_bring_nothing_of_it(project: DataProject, tmp_path: Path) -> None:
    folder = _outside(tmp_path)
    record(project, str(folder))
    assert follow_pointers(project.open(), 1 << 30) is None
    fetch(project)
    (folder / "a.txt").write_bytes(b"other content")
    record(project, str(folder))
    line = follow_pointers(project.open(), 1 << 30)
    assert line is not None
    assert line.endswith("jupyter mlops restore data/outside")
    assert project.read("data/outside/a.txt") == b"first"


def test_nothing_of_it_is_pushed(project: DataProject, tmp_path: Path) -> None:
    folder = _outside(tmp_path)
    config = project.root / "mlops.toml"
    config.write_text(config.read_text() + f'\n[remotes.store]\nurl = "{tmp_path}/remote"\n')
    (tmp_path / "remote").mkdir()
    record(project, str(folder))
    project.commit("first")
    pushed = push(project.open(), yes=True)
    assert (pushed.packs, pushed.bytes) == (0, 0)


def test_a_clone_is_asked_before_it_uses_the_place(project: DataProject, tmp_path: Path) -> None:
    folder = _outside(tmp_path)
    record(project, str(folder))
    text = project.read("data/outside.mlops").decode()
    moved = folder.rename(tmp_path / "moved")
    project.write("data/outside.mlops", text.replace(str(folder), str(moved)))
    calls = (lambda: look(project), lambda: fetch(project))
    for call in calls:
        with pytest.raises(ConflictError) as caught:
            call()
        assert caught.value.code == "remote-unknown"
    assert fetch(project, yes=True) == 2
    assert look(project).external_changes == 0


def test_what_cannot_be_recorded_is_said(project: DataProject, tmp_path: Path) -> None:
    folder = _outside(tmp_path)
    project.write("taken", "mine")
    before = project.everything()
    refusals: list[tuple[str, str, type[MlopsError], str]] = [
        (str(tmp_path / "nowhere"), "new", NotFoundError, "place-missing"),
        ("https://me:s3cr3t@host/x", "new", UsageError, "remote-url"),
        ("https://s3cr3t@host/x", "new", UsageError, "remote-url"),
        ("https://host/x?s3cr3t", "new", UsageError, "remote-url"),
        (str(folder), "taken", ConflictError, "path-exists"),
        (str(folder), "mlops.toml", ConflictError, "path-exists"),
    ]
    for url, path, kind, code in refusals:
        with pytest.raises(kind) as caught:
            record(project, url, path)
        assert caught.value.code == code
        assert "s3cr3t" not in str(caught.value)
        assert project.everything() == before
    (folder / "A.txt").write_bytes(b"collides")
    with pytest.raises(ConflictError) as collides:
        record(project, str(folder), "new")
    assert collides.value.code == "names-collide"
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFoundError) as nothing:
        record(project, str(tmp_path / "empty"), "new")
    assert nothing.value.code == "external-not-found"


def test_pointers_of_two_kinds_are_a_conflict(project: DataProject, tmp_path: Path) -> None:
    folder = _outside(tmp_path)
    project.write("data/outside/a.txt", "inside")
    project.snapshot("data/outside")
    project.commit("inside")
    project.git("switch", "--quiet", "--create", "topic")
    project.write("data/outside/a.txt", "changed")
    project.snapshot("data/outside")
    project.commit("changed")
    project.git("switch", "--quiet", "main")
    project.restore()
    record(project, str(folder))
    project.commit("outside")
    project.git("merge", "--quiet", "topic", check=False)
    (one,) = status(project.open()).tracked
    assert (one.state, one.in_conflict) == ("diverged", True)
    with pytest.raises(ConflictError) as caught:
        project.restore()
    assert caught.value.code == "pointer-in-conflict"
    project.mlops("resolve", "--ours")
    assert pointer_of(project).url == str(folder)
