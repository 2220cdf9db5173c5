"""Push and pull by every kind of remote, on real servers, with faults on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.fetch import fetch
from jupyter_mlops.commands.push import push
from jupyter_mlops.errors import MlopsError, UnavailableError
from tests.support.faults import Fault, FaultyProxy, Kind, open_faulty
from tests.support.sites import WRITABLE, Site, Sites
from tests.support.sites import Kind as Place
from tests.sync.team import Team, assert_same, keep, pull_data, push_data, write_files

_FILES = 10_000


def _team(folder: Path, site: Site) -> Team:
    return Team(folder, site.url, site.settings)


@pytest.mark.parametrize("kind", WRITABLE)
def test_each_version_comes_back(sites: Sites, tmp_path: Path, kind: Place) -> None:
    team = _team(tmp_path, sites.make(kind))
    versions: list[tuple[str, dict[str, bytes]]] = []
    for number in range(2):
        files = write_files(team.origin) if not number else dict(versions[0][1])
        files["data/0/0.txt"] = b"version %d" % number
        team.origin.write("data/0/0.txt", files["data/0/0.txt"])
        keep(team.origin, "data", "model.bin")
        versions.append((team.origin.head(), files))
        assert not push_data(team.origin).up_to_date
    assert push_data(team.origin).up_to_date
    clone = team.clone()
    for commit, files in versions:
        clone.git("checkout", "--quiet", commit)
        pull_data(clone)
        assert_same(clone, files)
    assert check(clone.open(), read_data=True).ok


@pytest.mark.parametrize("kind", WRITABLE)
def test_snapshots_travel_as_bundles(sites: Sites, tmp_path: Path, kind: Place) -> None:
    team = _team(tmp_path, sites.make(kind))
    team.origin.write("data/a", b"kept" * 1000)
    kept = team.origin.snapshot("data")
    team.origin.git("reset", "--quiet", "--hard")
    assert push(team.origin.open(), snapshots=(kept.id,)).bundles == (kept.id,)
    assert push(team.origin.open(), snapshots=(kept.id,)).up_to_date
    clone = team.clone()
    assert fetch(clone.open(), snapshots=()).snapshots == 1
    clone.restore(kept.id)
    assert clone.read("data/a") == b"kept" * 1000


@pytest.mark.slow
def test_many_small_files_take_few_requests(sites: Sites, tmp_path: Path) -> None:
    site = sites.make("s3")
    assert site.port is not None
    with open_faulty(site.port) as proxy:
        team = _team(tmp_path, site.through(proxy.port))
        for number in range(_FILES):
            team.origin.write(f"data/{number % 10}/{number}.txt", b"%d" % number * 40)
        keep(team.origin, "data")
        push_data(team.origin)
        assert _count(proxy) < 60
        for number in range(0, _FILES, 100):
            team.origin.write(f"data/{number % 10}/{number}.txt", b"changed %d" % number)
        keep(team.origin)
        push_data(team.origin)
        assert _count(proxy) < 20
        clone = team.clone()
        pull_data(clone)
        assert _count(proxy) < 60
        assert clone.files("data") == team.origin.files("data")


def _count(proxy: FaultyProxy) -> int:
    count = len(proxy.requests)
    proxy.requests.clear()
    return count


@pytest.mark.parametrize("kind", ["corrupt", "html", "lose-answer", "short-range", "truncate"])
@pytest.mark.parametrize("place", ["s3", "webdav"])
def test_what_a_network_breaks_never_arrives(
    sites: Sites, tmp_path: Path, place: Place, kind: Kind
) -> None:
    site = sites.make(place)
    assert site.port is not None
    with open_faulty(site.port) as proxy:
        team = _team(tmp_path, site.through(proxy.port))
        files = write_files(team.origin)
        keep(team.origin, "data", "model.bin")
        push_data(team.origin)
        clone = team.clone()
        clone.git("config", "mlops.remote.store.give-up-seconds", "0.3")
        proxy.inject(Fault(kind, path="packs/"))
        with pytest.raises(MlopsError):
            pull_data(clone)
        assert check(clone.open(), read_data=True).damaged == ()
        proxy.clear()
        if kind == "corrupt":  # the pack is noted as damaged by then, and is put again
            push_data(team.origin)
        pull_data(clone)
        assert_same(clone, files)


@pytest.mark.parametrize("kind", ["html", "lose-answer", "short-put", "status"])
def test_a_push_that_a_network_breaks_is_finished_by_the_next(
    sites: Sites, tmp_path: Path, kind: Kind
) -> None:
    site = sites.make("s3")
    assert site.port is not None
    with open_faulty(site.port) as proxy:
        team = _team(tmp_path, site.through(proxy.port))
        files = write_files(team.origin)
        keep(team.origin, "data", "model.bin")
        team.origin.git("config", "mlops.remote.store.give-up-seconds", "0.3")
        proxy.inject(Fault(kind, methods=("PUT", "POST"), path="packs/"))
        with pytest.raises(UnavailableError):
            push_data(team.origin)
        proxy.clear()
        push_data(team.origin)
        clone = team.clone()
        pull_data(clone)
        assert_same(clone, files)
