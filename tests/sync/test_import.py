"""``import`` and ``update``: data of another project, and the link to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jupyter_mlops.commands.import_data import ImportResult, import_data
from jupyter_mlops.commands.push import push
from jupyter_mlops.commands.remote_add import remote_add
from jupyter_mlops.commands.update import UpdateResult, update
from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError, UsageError
from jupyter_mlops.formats.pointer import decode_pointer
from jupyter_mlops.formats.pointer_external import ExternalPointer
from jupyter_mlops.formats.pointer_source import ImportSource
from jupyter_mlops.snapshots.tracked import content_of
from tests.support.data_project import DataProject, make_data_project
from tests.support.sites import Sites
from tests.sync.team import Team, assert_same, keep, write_files


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """The project that data is imported from, with a remote."""
    return Team(tmp_path / "team", str(tmp_path / "remote"))


@pytest.fixture
def files(team: Team) -> dict[str, bytes]:
    files = write_files(team.origin)
    keep(team.origin, "data", "model.bin")
    team.origin.git("tag", "one")
    return files


@pytest.fixture
def project(tmp_path: Path) -> DataProject:
    """A project without data."""
    project = make_data_project(tmp_path / "project")
    project.mlops("init")
    project.commit("Set up")
    return project


def _bring(
    project: DataProject,
    url: str | Path,
    path: str,
    rev: str | None = None,
    output: str | None = None,
) -> ImportResult:
    return import_data(project.open(), str(url), path, rev=rev, output=output)


def _follow(
    project: DataProject, *paths: str, rev: str | None = None, theirs: bool = False
) -> UpdateResult:
    return update(project.open(), paths, rev=rev, theirs=theirs)


def _source(project: DataProject, path: str) -> ImportSource | None:
    pointer = decode_pointer(project.read(f"{path}.mlops"), origin=path)
    assert not isinstance(pointer, ExternalPointer)
    return pointer.source


def _change(team: Team) -> None:
    team.origin.write("data/0/0.txt", "newer")
    team.origin.remove("data/1/1.txt")
    keep(team.origin)


def test_data_is_tracked_here_and_says_where_it_is_from(
    team: Team, files: dict[str, bytes], project: DataProject
) -> None:
    got = _bring(project, team.origin.root, "data")
    wanted = {name: content for name, content in files.items() if name != "model.bin"}
    assert_same(project, wanted)
    assert (got.path, got.files, got.commit) == ("data", len(wanted) + 1, team.origin.head())
    source = _source(project, "data")
    assert source is not None
    assert (source.url, source.path, source.rev) == (str(team.origin.root), "data", None)
    assert source.commit == team.origin.head()
    assert "A  data.mlops" in project.git("status", "--short")
    project.snapshot()
    assert _source(project, "data") == source
    project.remove("data")
    shutil.rmtree(team.origin.root)
    project.restore()
    assert_same(project, wanted)


@pytest.mark.parametrize("place", ["file://", "store"])
def test_content_comes_from_the_remote_or_the_store(
    team: Team, files: dict[str, bytes], project: DataProject, place: str
) -> None:
    push(team.origin.open())
    url = str(team.origin.root)
    if place == "file://":
        url = f"file://{url}"
        shutil.rmtree(team.origin.root / ".git/mlops/packs")
    else:
        shutil.rmtree(team.folder.parent / "remote")
    _bring(project, url, "data/1", output="inner/part")
    _bring(project, url, "model.bin")
    assert project.read("model.bin") == files["model.bin"]
    assert project.read("inner/part/1.txt") == files["data/1/1.txt"]
    assert project.read("inner/.gitignore") == b"/part\n"
    assert project.states() == {"inner/part": "clean", "model.bin": "clean"}


def test_its_bucket_is_reached_by_the_settings_of_ones_own_remote_there(
    sites: Sites, tmp_path: Path, project: DataProject
) -> None:
    site = sites.make("s3")
    team = Team(tmp_path / "team", site.url, site.settings)
    files = write_files(team.origin)
    keep(team.origin, "data")
    push(team.origin.open())
    remote_add(project.open(), "store", f"{site.url}/other")
    team.use(project)
    _bring(project, f"file://{team.origin.root}", "data/big.bin")
    assert project.read("big.bin") == files["data/big.bin"]


def test_the_project_that_is_imported_from_is_not_written_to(
    team: Team, files: dict[str, bytes], project: DataProject
) -> None:
    store = team.origin.root / ".git/mlops"
    (pack,) = (store / "packs").glob("*/*")
    pack.write_bytes(pack.read_bytes()[:-200] + bytes(200))
    before = team.origin.files(".git/mlops")
    with pytest.raises(MlopsError):
        _bring(project, team.origin.root, "data")
    assert team.origin.files(".git/mlops") == before
    assert not project.states()


def test_update_brings_the_newer_version_and_says_what_changed(
    team: Team, files: dict[str, bytes], project: DataProject
) -> None:
    _bring(project, team.origin.root, "data")
    _bring(project, team.origin.root, "model.bin", rev="one")
    first = team.origin.head()
    assert all(one.up_to_date for one in _follow(project).paths)
    _change(team)
    data, model = _follow(project).paths
    assert (data.path, data.old_commit, data.commit) == ("data", first, team.origin.head())
    assert (data.modified, data.deleted, data.added) == (("0/0.txt",), ("1/1.txt",), ())
    assert model.up_to_date
    assert project.read("data/0/0.txt") == b"newer"
    assert not (project.root / "data/1/1.txt").exists()
    assert project.states() == {"data": "clean", "model.bin": "clean"}
    assert project.git("diff", "--name-only", "--", "*.mlops") == ""
    assert all(one.up_to_date for one in _follow(project).paths)
    project.undo()
    assert project.read("data/0/0.txt") == files["data/0/0.txt"]
    assert project.states() == {"data": "clean", "model.bin": "clean"}


def test_a_branch_is_followed_and_another_revision_taken(
    team: Team, files: dict[str, bytes], project: DataProject
) -> None:
    push(team.origin.open())
    team.origin.git("switch", "--quiet", "--create", "dev")
    url = f"file://{team.origin.root}"
    _bring(project, url, "data", rev="dev")
    _change(team)
    push(team.origin.open())
    team.origin.git("switch", "--quiet", "main")
    (data,) = _follow(project, "data").paths
    assert (data.up_to_date, data.rev) == (False, "dev")
    assert project.read("data/0/0.txt") == b"newer"
    (data,) = _follow(project, "data", rev="one").paths
    assert project.read("data/0/0.txt") == files["data/0/0.txt"]
    source = _source(project, "data")
    assert source is not None
    assert source.rev == "one"
    (data,) = _follow(project, "data", rev="main").paths
    assert data.up_to_date
    source = _source(project, "data")
    assert source is not None
    assert source.rev == "main"


@pytest.mark.parametrize("kept", [False, True], ids=["on disk", "in a snapshot"])
def test_what_was_changed_here_is_not_written_over(
    team: Team, files: dict[str, bytes], project: DataProject, kept: bool
) -> None:
    _bring(project, team.origin.root, "data")
    project.write("data/0/0.txt", "mine")
    if kept:
        taken = project.snapshot()
        assert taken.changed_imports == ("data",)
        assert project.state("data") == "clean"
    assert all(one.up_to_date for one in _follow(project).paths)
    _change(team)
    before = project.everything()
    with pytest.raises(ConflictError) as caught:
        _follow(project)
    assert caught.value.code == "import-changed"
    assert project.everything() == before
    updated = _follow(project, theirs=True)
    assert project.read("data/0/0.txt") == b"newer"
    assert bool(updated.saved_as) is not kept
    project.undo()
    assert project.read("data/0/0.txt") == b"mine"


def test_a_killed_import_is_finished_by_the_same_command(
    team: Team, files: dict[str, bytes], project: DataProject
) -> None:
    _bring(project, team.origin.root, "model.bin")
    again = _bring(project, team.origin.root, "model.bin")
    assert again.commit == team.origin.head()
    _change(team)
    team.origin.write("model.bin", "newer")
    keep(team.origin)
    with pytest.raises(ConflictError) as caught:
        _bring(project, team.origin.root, "model.bin")
    assert caught.value.code == "path-exists"
    assert caught.value.hints[0] == "jupyter mlops update model.bin"


def test_nothing_that_is_there_is_written_over(
    team: Team, files: dict[str, bytes], project: DataProject
) -> None:
    project.write("model.bin", "mine")
    project.write("code/data/a.py", "print()")
    project.commit("code")
    shutil.rmtree(project.root / "code")
    for output in ("model.bin", "code/data", "code", "mlops.toml"):
        before = project.everything()
        with pytest.raises(ConflictError):
            _bring(project, team.origin.root, "data", output=output)
        assert project.everything() == before


@pytest.mark.parametrize(
    "url",
    [
        "https://me:s3cr3t@host/project",
        "https://s3cr3t@host/project",
        "ssh://me:s3cr3t@host/project",
        "ext::sh -c s3cr3t",
        "--upload-pack=s3cr3t",
        "s3cr3t",
    ],
)
def test_a_url_with_a_password_or_a_program_is_refused_and_not_shown(
    project: DataProject, url: str
) -> None:
    before = project.everything()
    with pytest.raises(UsageError) as caught:
        _bring(project, url, "data")
    assert caught.value.code == "source-url"
    assert "s3cr3t" not in str(caught.value)
    assert project.everything() == before


def test_a_pointer_that_somebody_else_wrote_is_followed_once_confirmed(
    team: Team, files: dict[str, bytes], project: DataProject, tmp_path: Path
) -> None:
    _bring(project, team.origin.root, "model.bin")
    moved = tmp_path / "moved"
    shutil.copytree(team.origin.root, moved)
    text = project.read("model.bin.mlops").decode()
    project.write("model.bin.mlops", text.replace(str(team.origin.root), str(moved)))
    with pytest.raises(ConflictError) as caught:
        _follow(project)
    assert caught.value.code == "remote-unknown"
    (one,) = update(project.open(), yes=True).paths
    assert (one.url, one.up_to_date) == (str(moved), True)
    assert _follow(project).paths == (one,)


def test_what_is_not_there_is_said(
    team: Team, files: dict[str, bytes], project: DataProject, tmp_path: Path
) -> None:
    for path, rev, code in (
        ("nothing", None, "path-not-found"),
        ("data", "no-such-branch", "unknown-revision"),
        ("data", "-x", "bad-value"),
        ("data/link", None, "path-is-link"),
    ):
        with pytest.raises(MlopsError) as caught:
            _bring(project, team.origin.root, path, rev=rev, output="new")
        assert caught.value.code == code
    with pytest.raises(NotFoundError) as nothing:
        _follow(project)
    assert nothing.value.code == "not-imported"
    project.write("own.bin", "x")
    project.snapshot("own.bin")
    with pytest.raises(NotFoundError) as own:
        _follow(project, "own.bin")
    assert own.value.code == "not-imported"


def test_the_link_survives_a_merge_and_two_links_are_a_conflict(
    team: Team, files: dict[str, bytes], project: DataProject
) -> None:
    _bring(project, team.origin.root, "data")
    keep(project)
    project.git("switch", "--quiet", "--create", "topic")
    project.write("data/0/0.txt", "mine")
    keep(project)
    project.git("switch", "--quiet", "main")
    project.restore()
    team.origin.write("data/2/2.txt", "newer")
    keep(team.origin)
    _follow(project)
    project.commit("update")
    source = _source(project, "data")
    project.git("merge", "--quiet", "topic")
    assert _source(project, "data") == source
    project.restore()
    assert (project.read("data/0/0.txt"), project.read("data/2/2.txt")) == (b"mine", b"newer")
    pointer = decode_pointer(project.read("data.mlops"), origin="data")
    assert source is not None
    assert content_of(pointer).hash != source.hash
