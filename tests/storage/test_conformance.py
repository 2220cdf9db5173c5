"""What every backend promises, tried on a real server of each kind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyter_mlops.errors import (
    ConflictError,
    IntegrityError,
    MlopsError,
    NotFoundError,
    UnavailableError,
    UsageError,
)
from jupyter_mlops.storage.backend import Backend, ByteRange
from jupyter_mlops.storage.canary import check_backend
from tests.support.sites import Site, Sites

BIG = bytes(range(256)) * 32768
"""8 MiB, in which every byte tells its place within 256."""

ODD_NAMES = (
    "a",
    "packs/ab/" + "0" * 64 + ".pack",
    "with space/ und Ümlaut",
    "100%/%20/+&=;,@$!'()~",
    "what?/#1",
    "deep/" * 20 + "down",
    "日本/語",
    "n" * 200,
)


def _listed(backend: Backend, prefix: str = "") -> dict[str, int]:
    return {found.name: found.size_bytes for found in backend.iter_objects(prefix)}


@pytest.mark.parametrize("content", [b"", b"x", b"small\n\0\xff", BIG], ids=["0", "1", "9", "8M"])
def test_what_was_there_comes_back(site: Site, backend: Backend, content: bytes) -> None:
    site.fill({"packs/ab/object": content})
    assert backend.read("packs/ab/object") == content
    assert backend.stat("packs/ab/object").size_bytes == len(content)
    assert _listed(backend) == {"packs/ab/object": len(content)}


@pytest.mark.parametrize("content", [b"", b"x", BIG], ids=["0", "1", "8M"])
def test_what_is_put_comes_back(writable: Backend, content: bytes) -> None:
    writable.put("a/object", content)
    assert writable.read("a/object") == content
    assert _listed(writable) == {"a/object": len(content)}


def test_a_file_is_put_and_its_progress_told(writable: Backend, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(BIG)
    told: list[int] = []
    writable.put("a/object", source, advance=told.append)
    assert writable.read("a/object") == BIG
    assert sum(told) == len(BIG)
    assert writable.put_new("a/other", source, advance=told.append)
    assert sum(told) == 2 * len(BIG)


def test_a_large_file_goes_up_in_parts(writable: Backend, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(BIG * 6 + b"end")
    told: list[int] = []
    assert writable.put_new("large", source, advance=told.append)
    assert sum(told) == source.stat().st_size == writable.stat("large").size_bytes
    size = source.stat().st_size
    parts = writable.read_ranges("large", [ByteRange(size - 3, 3), ByteRange(len(BIG) * 2, 256)])
    assert parts == [b"end", BIG[:256]]
    assert not writable.put_new("large", source)


def test_a_file_that_cannot_be_read_is_no_fault_of_the_remote(
    writable: Backend, tmp_path: Path
) -> None:
    for put in (writable.put, writable.put_new):
        with pytest.raises(UnavailableError) as caught:
            put("a/object", tmp_path / "missing")
        assert caught.value.code == "not-readable"
    assert _listed(writable) == {}


def test_put_replaces(writable: Backend) -> None:
    writable.put("object", b"first, and longer")
    writable.put("object", b"second")
    assert writable.read("object") == b"second"
    assert _listed(writable) == {"object": 6}


def test_put_new_does_not(writable: Backend) -> None:
    assert writable.put_new("a/object", b"first")
    assert not writable.put_new("a/object", b"second")
    assert writable.read("a/object") == b"first"
    assert _listed(writable) == {"a/object": 5}


def test_of_eight_that_put_at_once_one_succeeds(writable_site: Site) -> None:
    ready = threading.Barrier(8)
    backends = [writable_site.open() for _ in range(8)]

    def put(number: int) -> bool:
        backends[number].stat("there")
        ready.wait()
        return backends[number].put_new("a/object", bytes([number]) * 1000)

    writable_site.fill({"there": b""})
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(put, range(8)))
    assert won.count(True) == 1
    assert backends[0].read("a/object") == bytes([won.index(True)]) * 1000
    for backend in backends:
        backend.close()


def test_ranges_come_in_the_order_asked(site: Site, backend: Backend) -> None:
    site.fill({"object": BIG})
    end = len(BIG)
    asked = [
        ByteRange(end - 10, 10),
        ByteRange(0, 1),
        ByteRange(300, 100),
        ByteRange(350, 100),
        ByteRange(77, 0),
        ByteRange(4_000_000, 1_000_000),
    ]
    found = backend.read_ranges("object", asked)
    assert found == [BIG[wanted.offset : wanted.end] for wanted in asked]
    assert backend.read_ranges("object", []) == []


@pytest.mark.parametrize("wanted", [ByteRange(990, 20), ByteRange(1000, 1), ByteRange(5000, 10)])
def test_a_range_beyond_the_end_is_damage(site: Site, backend: Backend, wanted: ByteRange) -> None:
    site.fill({"object": BIG[:1000]})
    with pytest.raises(IntegrityError) as caught:
        backend.read_ranges("object", [ByteRange(0, 5), wanted])
    assert caught.value.code == "object-too-short"


def test_an_object_beyond_the_limit_is_not_read(site: Site, backend: Backend) -> None:
    site.fill({"object": BIG[:1000]})
    assert len(backend.read("object", limit_bytes=1000)) == 1000
    with pytest.raises(IntegrityError) as caught:
        backend.read("object", limit_bytes=999)
    assert caught.value.code == "object-too-big"


def test_odd_names_come_back_as_they_are(site: Site, backend: Backend) -> None:
    objects = {name: name.encode() for name in ODD_NAMES}
    site.fill(objects)
    assert _listed(backend) == {name: len(content) for name, content in objects.items()}
    for name, content in objects.items():
        assert backend.read(name) == content
        assert backend.stat(name).name == name


def test_odd_names_are_put_and_deleted(writable: Backend) -> None:
    for name in ODD_NAMES:
        writable.put(name, name.encode())
    assert set(_listed(writable)) == set(ODD_NAMES)
    for name in ODD_NAMES:
        writable.delete(name)
    assert _listed(writable) == {}


def test_a_listing_of_2500_objects_is_whole(site: Site, backend: Backend) -> None:
    site.fill({f"index/{number:04}": b"x" * (number % 7) for number in range(2500)})
    site.fill({"index-other": b"", "packs/ab/c": b""})
    found = _listed(backend, "index")
    assert found == {f"index/{number:04}": number % 7 for number in range(2500)}
    assert len(_listed(backend)) == 2502
    assert _listed(backend, "index/00") == {}
    assert _listed(backend, "nothing/here") == {}


def test_times_are_those_of_now(site: Site, backend: Backend) -> None:
    site.fill({"object": b""})
    (listed,) = backend.iter_objects()
    for found in (listed, backend.stat("object")):
        if found.modified_at is not None:
            assert abs(datetime.now(UTC) - found.modified_at) < timedelta(minutes=5)


def test_many_read_at_once(site: Site, backend: Backend) -> None:
    site.fill({f"{number}": BIG[: 100_000 + number] for number in range(20)})
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: backend.read(str(number)), range(20)))
    assert [len(content) for content in found] == [100_000 + number for number in range(20)]
    assert all(BIG.startswith(content) for content in found)


def test_what_is_missing_is_said(site: Site, backend: Backend) -> None:
    site.fill({"there": b"x"})
    reads: list[Callable[[], object]] = [
        lambda: backend.read("packs/missing"),
        lambda: backend.stat("packs/missing"),
        lambda: backend.read_ranges("packs/missing", [ByteRange(0, 1)]),
    ]
    for read in reads:
        with pytest.raises(NotFoundError) as caught:
            read()
        assert caught.value.code == "remote-object-missing"
        assert "packs/missing" in caught.value.message


def test_deleting_what_is_missing_is_done(writable: Backend) -> None:
    writable.put("object", b"x")
    writable.delete("a/missing")
    writable.delete("object")
    writable.delete("object")
    assert _listed(writable) == {}


@pytest.mark.parametrize(
    "name",
    ["", "/absolute", "../up", "a/../b", "a//b", "a/", "C:/x", "a\\b", "a\nb", "tmp/x", "n/" * 300],
)
def test_names_that_lead_elsewhere_are_refused(site: Site, backend: Backend, name: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: backend.read(name),
        lambda: backend.read_ranges(name, [ByteRange(0, 1)]),
        lambda: backend.stat(name),
        lambda: backend.put(name, b""),
        lambda: backend.put_new(name, b""),
        lambda: backend.delete(name),
    ]
    for call in calls:
        with pytest.raises(UsageError) as caught:
            call()
        assert caught.value.code == "object-name"


def test_a_place_that_is_missing_is_said(sites: Sites, site: Site) -> None:
    missing = site.elsewhere("nowhere")
    with missing.open() as backend:
        calls: list[Callable[[], object]] = [lambda: list(backend.iter_objects())]
        if site.kind not in {"http", "webdav"}:  # there an object may be missing just as well
            calls += [lambda: backend.read("a"), lambda: backend.stat("a")]
        if site.kind != "http":
            calls += [lambda: backend.put("a", b""), lambda: backend.put_new("a", b"")]
        for call in calls:
            with pytest.raises(NotFoundError) as caught:
                call()
            assert caught.value.code == "place-missing", call


def test_the_canary_finds_all_that_is_promised(writable: Backend) -> None:
    trials = check_backend(writable)
    assert [trial.failure for trial in trials] == [None] * 6
    assert [trial.ability for trial in trials] == [
        "write",
        "put only if new",
        "read",
        "read a part",
        "list",
        "delete",
    ]
    assert _listed(writable) == {}


def test_the_canary_says_that_a_web_server_is_read_only(sites: Sites) -> None:
    with sites.make("http").open() as backend:
        write, listing = check_backend(backend)
    assert isinstance(write.failure, MlopsError)
    assert write.failure.code == "read-only"
    assert (listing.ability, listing.failure) == ("list", None)


def test_what_changed_since_it_was_told_is_not_read(site: Site, backend: Backend) -> None:
    site.fill({"folder/object": b"first content"})
    told = backend.stat("folder/object")
    ranges = [ByteRange(0, 5), ByteRange(6, 7)]
    assert backend.read_ranges("folder/object", ranges, expected=told) == [b"first", b"content"]
    assert backend.stat("folder/object").is_now(told)
    (listed,) = backend.iter_objects("folder")
    assert told.etag is not None
    assert listed.is_now(told)
    site.fill({"folder/object": b"other content, longer"})
    assert not told.is_now(backend.stat("folder/object"))
    with pytest.raises(ConflictError) as caught:
        backend.read_ranges("folder/object", ranges, expected=told)
    assert caught.value.code == "object-changed"


def test_what_is_shorter_than_it_was_told_has_changed(site: Site, backend: Backend) -> None:
    site.fill({"object": b"first content"})
    told = backend.stat("object")
    site.fill({"object": b"1"})
    with pytest.raises(ConflictError) as caught:
        backend.read_ranges("object", [ByteRange(6, 7)], expected=told)
    assert caught.value.code == "object-changed"


def test_a_version_is_read_after_another_one_was_put(sites: Sites) -> None:
    with sites.make_versioned().open() as backend:
        backend.put("object", b"first")
        told = backend.stat("object")
        backend.put("object", b"other")
        now = backend.stat("object")
        assert told.version and now.version and told.version != now.version
        assert not told.is_now(now)
        assert backend.read_ranges("object", [ByteRange(1, 4)], expected=told) == [b"irst"]
        assert backend.read("object") == b"other"
        backend.delete("object")
        assert backend.read_ranges("object", [ByteRange(0, 5)], expected=now) == [b"other"]
        lost = replace(told, version="3f1cf4a5-0000-4000-8000-000000000000")
        with pytest.raises(ConflictError) as caught:
            backend.read_ranges("object", [ByteRange(0, 1)], expected=lost)
        assert caught.value.code == "object-changed"


def test_a_closed_backend_may_be_closed_again(backend: Backend) -> None:
    backend.close()
    backend.close()


def test_a_second_backend_of_a_place_sees_the_first_ones_objects(
    writable_site: Site, writable: Backend
) -> None:
    writable.put("object", b"x")
    with writable_site.open() as other:
        assert other.read("object") == b"x"
        assert _listed(other) == {"object": 1}
