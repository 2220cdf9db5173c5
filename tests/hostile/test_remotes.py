"""Remotes that somebody else fills, and projects that choose theirs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress

import pytest

from jupyter_mlops.formats.index import PackEntry, encode_index
from jupyter_mlops.formats.pack import Codec, RecordInfo, RecordKind
from jupyter_mlops.ids import Hash, format_hash, hash_bytes
from jupyter_mlops.sync.listing import pack_object
from tests.hostile.arena import Arena, Case
from tests.hostile.conftest import Attack
from tests.hostile.corpus import HEAD, PATHS, mutated, tree_bytes, words
from tests.hostile.test_stores import _ID, _packs, _segments, hostile_pack

pytestmark = pytest.mark.slow

_REMOTE = ".git/remote"
_COMMANDS = words("pull", "fetch", "push", "status")
Plant = Callable[[Arena], object]


def _use_remote(arena: Arena, objects: dict[str, bytes]) -> None:
    """Let the project have a remote of these objects, as if its user had chosen it."""
    project = arena.project
    project.write(f"{_REMOTE}/format", b"0\n")
    for name, content in objects.items():
        project.write(f"{_REMOTE}/{name}", content)
    project.write("mlops.toml", '[remotes.store]\nurl = "/elsewhere"\n')
    project.git("config", "mlops.remote.store.url", str(project.root / _REMOTE))


def _ask_for(arena: Arena, id: Hash, *, tree: bool = False, size_bytes: int = 3) -> None:
    """Commit a pointer to content that only the remote may have."""
    pointer = f'{HEAD}kind = "file"\nhash = "{format_hash(id)}"\n'
    pointer += f'size_bytes = {size_bytes}\nmode = "100644"\n'
    if tree:
        pointer = f'{HEAD}kind = "tree"\nmanifest = "{format_hash(id)}"\n'
    arena.project.write("data.mlops" if tree else "model.bin.mlops", pointer)
    arena.project.commit("A pointer")


def _pack_name(pack: bytes, *, plain: bool = False) -> str:
    return pack_object(hash_bytes(pack), plain)


def _index(pack: PackEntry, *infos: RecordInfo) -> dict[str, bytes]:
    segment = encode_index([pack], [(0, info) for info in infos])
    return {f"index/{hash_bytes(segment).hex()}.idx": segment}


def _put_pack(pack: bytes, *, indexed: bool) -> Plant:
    """Return what puts a pack on the remote; ``indexed`` by a segment that says it is as asked."""

    def plant(arena: Arena) -> None:
        is_tree = pack[8:9] == bytes([RecordKind.TREE])
        id = Hash(pack[20:52]) if is_tree else _ID
        objects = {_pack_name(pack): pack}
        entry = PackEntry(hash_bytes(pack), False, len(pack))
        kind = RecordKind.TREE if is_tree else RecordKind.CHUNK
        if indexed and len(pack) > 100:
            plain_bytes = int.from_bytes(pack[12:16], "big")
            stored_bytes = int.from_bytes(pack[16:20], "big")
            codec = Codec.ZSTD if pack[9] else Codec.RAW
            objects |= _index(entry, RecordInfo(kind, id, codec, 8, stored_bytes, plain_bytes))
        _use_remote(arena, objects)
        _ask_for(arena, id, tree=is_tree)

    return plant


@pytest.mark.parametrize("part", range(2))
def test_packs(attack: Attack, scale: int, part: int) -> None:
    packs = _packs()
    cases = [
        Case(f"{name} {indexed}", _put_pack(pack, indexed=indexed), _COMMANDS[:2])
        for name, pack in packs.items()
        for indexed in (True, False)
    ]
    small = [pack for pack in packs.values() if 0 < len(pack) < 5000]
    for number, pack in enumerate(mutated(5, small, 12 * scale)):
        cases.append(Case(f"mutation {number}", _put_pack(pack, indexed=True), (("fetch",),)))
    attack(cases[part::2])


def _put_segment(which: str, *, wrong: bool) -> Plant:
    def plant(arena: Arena) -> None:
        store = arena.project.root / ".git/mlops"
        segment = _segments(next((store / "index").glob("*.idx")).read_bytes())[which]
        name = hash_bytes(segment + b"x" if wrong else segment).hex()
        packs = {
            path.relative_to(store).as_posix(): path.read_bytes()
            for path in (store / "packs").glob("*/*")
        }
        _use_remote(arena, {f"index/{name}.idx": segment, **packs})
        _ask_for(arena, _ID)

    return plant


def test_segments(attack: Attack, scale: int) -> None:
    names = list(_segments(encode_index([PackEntry(_ID, False, 9)], [])))
    attack(
        [
            Case(f"{name}{', misnamed' * wrong}", _put_segment(name, wrong=wrong), _COMMANDS)
            for name in names
            for wrong in (False, True)
        ]
    )


def _lying_index(plain: bool) -> Plant:
    """Let the index say that a pack has what it has not, at a place of something else."""

    def plant(arena: Arena) -> None:
        content = b"another"
        pack = hostile_pack([(RecordKind.CHUNK, hash_bytes(content), Codec.RAW, 7, content)])
        pack = content * 9 if plain else pack
        entry = PackEntry(hash_bytes(pack), plain, len(pack))
        info = RecordInfo(RecordKind.CHUNK, _ID, Codec.RAW, 0 if plain else 8, 3, 3)
        long = replace_info(info, 7 * 9 if plain else 7)
        _use_remote(arena, {_pack_name(pack, plain=plain): pack, **_index(entry, info, long)})
        _ask_for(arena, _ID)

    return plant


def replace_info(info: RecordInfo, size_bytes: int) -> RecordInfo:
    """Return where a record of another size is said to be."""
    return info._replace(stored_bytes=size_bytes, plain_bytes=size_bytes)


def _sparse(name: str, size_bytes: int) -> Plant:
    """Return what makes an object of the remote large, without taking room."""

    def plant(arena: Arena) -> None:
        _use_remote(arena, {name: b""})
        os.truncate(arena.project.root / _REMOTE / name, size_bytes)
        _ask_for(arena, _ID)

    return plant


def _large_pack(plain: bool) -> Plant:
    """Return what makes a pack large that the index says holds the one thing that is asked."""

    def plant(arena: Arena) -> None:
        size_bytes = 20 << 30
        id = hash_bytes(b"large")
        entry = PackEntry(id, plain, size_bytes)
        infos = [
            RecordInfo(RecordKind.CHUNK, _ID, Codec.RAW, number << 24, 16 << 20, 16 << 20)
            for number in range(500)
        ]
        _use_remote(arena, {pack_object(id, plain): b"", **_index(entry, *infos)})
        os.truncate(arena.project.root / _REMOTE / pack_object(id, plain), size_bytes)
        _ask_for(arena, _ID, size_bytes=16 << 20)

    return plant


def test_lies_and_sizes(attack: Attack) -> None:
    name = "0" * 64
    cases = [
        *(
            Case(f"a lying index {plain}", _lying_index(plain), _COMMANDS)
            for plain in (False, True)
        ),
        Case("a format of 4 GB", _sparse("format", 4 << 30), _COMMANDS),
        Case("a segment of 1 GB", _sparse(f"index/{name}.idx", 1 << 30), _COMMANDS),
        Case("a pack of 20 GB", _large_pack(False), _COMMANDS),
        Case("a plain pack of 20 GB", _large_pack(True), _COMMANDS),
        Case("packs without index", _sparse(f"packs/00/{name}.pack", 8 << 30), _COMMANDS),
    ]
    for case in cases:
        attack([case])


def test_names(attack: Attack) -> None:
    """Objects of any name lie beside those of a remote."""

    def put(name: str) -> Plant:
        def plant(arena: Arena) -> None:
            _use_remote(arena, {})
            folder = arena.project.root / _REMOTE / "packs/00"
            folder.mkdir(parents=True)
            with suppress(OSError, ValueError):  # where the file system has no such name
                (folder / name.replace("/", "_")).write_bytes(b"x")

        return plant

    attack([Case(f"an object {name[:30]!r}", put(name), _COMMANDS[:3]) for name in PATHS])


def test_folders_that_name_anything(attack: Attack) -> None:
    """A folder's manifest from a remote leads nowhere but into the tracked folder."""
    cases = []
    for path in PATHS:
        try:
            tree = tree_bytes([(path, 1, 2, hash_bytes(b"b\n"))])
        except UnicodeEncodeError:
            continue
        record = (RecordKind.TREE, hash_bytes(tree), Codec.RAW, len(tree), tree)
        plant = _put_pack(hostile_pack([record]), indexed=True)
        cases.append(Case(f"a folder of {path[:30]!r}", plant, _COMMANDS[:2]))
    attack(cases)


URLS = (
    "ssh://-oProxyCommand=touch%20x/path",
    "ssh://-oProxyCommand=touch x@host.invalid/path",
    "ssh://host.invalid/$(touch x)",
    "ssh://host.invalid/-rf",
    "ssh://host.invalid:0/x",
    "ssh://host.invalid/../../etc",
    "ssh://user:secret@host.invalid/x",
    "file:///etc",
    "file://host/etc",
    "file:///",
    "/etc",
    "/",
    "..",
    "../outside",
    "~/x",
    "ext::sh -c touch% x",
    "s3://bucket/../other",
    "s3://bucket?endpoint=http://evil.invalid",
    "s3://id:key@bucket/x",
    "s3://-bucket/x",
    "http://169.254.169.254/latest/meta-data",
    "http://host.invalid/x#fragment",
    "http://host.invalid\\@other.invalid/",
    "http://host.invalid/\r\nHeader: x",
    "https://\u202ehost.invalid/",
    "webdav+ftp://host.invalid/",
    "javascript:alert(1)",
    "\x1b[31mred",
    "a" * 5000,
    "",
)


def test_urls_that_a_project_chooses(attack: Attack) -> None:
    """Nothing is asked, written or started for a place that the user has not confirmed."""

    def put(url: str) -> Plant:
        def plant(arena: Arena) -> None:
            quoted = url.encode("unicode_escape").decode().replace('"', '\\"')
            quoted = quoted.replace("\\x", "\\u00")
            arena.project.write("mlops.toml", f'[remotes.store]\nurl = "{quoted}"\n')
            _ask_for(arena, _ID)

        return plant

    commands = (*_COMMANDS, *words("remote list", "remote test", "get . model.bin"))
    attack([Case(f"the URL {url[:60]!r}", put(url), commands) for url in URLS])


def test_names_of_remotes(attack: Attack) -> None:
    def put(name: str) -> Plant:
        def plant(arena: Arena) -> None:
            quoted = name.encode("unicode_escape").decode().replace('"', '\\"')
            text = f'[remotes."{quoted}"]\nurl = "{arena.project.root / _REMOTE}"\n'
            arena.project.write(f"{_REMOTE}/format", b"0\n")
            arena.project.write("mlops.toml", text)

        return plant

    names = [name for name in (*PATHS, "default", "*", "store.url", "url") if "\0" not in name]
    attack([Case(f"the remote {name[:30]!r}", put(name), _COMMANDS) for name in names])


def test_repositories_to_get_from(attack: Attack) -> None:
    urls = (
        "ext::touch x",
        "--upload-pack=touch x",
        "-u./x",
        "fd::17/foo",
        "ssh://-oProxyCommand=touch/x",
        "host.invalid:x",
        "file:///proc/self",
        "/dev/zero",
        "http::ext::sh",
    )

    def plant(arena: Arena) -> None:
        tempfile.tempdir = str(arena.project.root / ".git")

    cases = [
        Case(f"get {url}", plant, (("get", "--", url, "a"), ("get", url, "model.bin")))
        for url in urls
    ]
    attack(cases)


def test_a_link_in_a_remote_is_not_followed(attack: Attack) -> None:
    def plant(arena: Arena) -> None:
        _use_remote(arena, {})
        remote = arena.project.root / _REMOTE
        (remote / "packs").symlink_to(arena.outside / "data")
        (remote / "index").symlink_to(arena.outside)
        (remote / "tmp").symlink_to(arena.outside)
        (remote / "damaged").symlink_to(arena.outside)

    attack([Case("links", plant, _COMMANDS)] * 4)
