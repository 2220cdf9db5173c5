"""A remote that gives other content than it is asked for, with checksums that are right."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.export import export
from jupyter_mlops.errors import IntegrityError, MlopsError, NotFoundError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.index import PackEntry, encode_index
from jupyter_mlops.formats.manifest import ChunkRef, FileManifest, encode_file_manifest
from jupyter_mlops.formats.pack import Codec, RecordKind, decode_footer
from jupyter_mlops.formats.pointer import FilePointer, TreePointer, encode_pointer
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.sync.listing import pack_object
from tests.formats.samples import Record, raw_chunk
from tests.hostile.corpus import tree_bytes
from tests.hostile.test_stores import hostile_pack
from tests.support.data_project import DataProject
from tests.sync.team import Team, pull_data

REAL = b"what it is really" * 10
FALSE = b"what it is not at" * 10


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def project(tmp_path: Path, remote: Path) -> DataProject:
    """A project with a pointer to a file whose content only others have."""
    team = Team(tmp_path, str(remote))
    entry = Entry(Mode.FILE, hash_bytes(REAL), len(REAL))
    team.origin.write("model.bin.mlops", encode_pointer(FilePointer(entry)))
    team.origin.write(".gitignore", "/model.bin\n")
    team.origin.commit("A pointer")
    return team.origin


def _put(remote: Path, *records: Record) -> None:
    """Put a pack of these records on the remote, and an index that tells all of it."""
    pack = hostile_pack(records)
    entry = PackEntry(hash_bytes(pack), False, len(pack))
    segment = encode_index([entry], [(0, info) for info in decode_footer(pack, origin="pack")])
    objects = {
        "format": b"0\n",
        pack_object(entry.hash, False): pack,
        f"index/{hash_bytes(segment).hex()}.idx": segment,
    }
    for name, content in objects.items():
        (remote / name).parent.mkdir(parents=True, exist_ok=True)
        (remote / name).write_bytes(content)


def _assert_can_be_kept(project: DataProject) -> None:
    """Let pass that the real content is kept, whatever the remote said of it."""
    project.write("model.bin", REAL)
    project.snapshot("model.bin", keep_mine=True)
    project.remove("model.bin")
    project.restore()
    assert project.read("model.bin") == REAL


@pytest.mark.parametrize("beside", [0, 100])
def test_a_chunk_of_other_bytes_never_comes_to_the_store(
    project: DataProject, remote: Path, beside: int
) -> None:
    """Neither in a whole pack nor out of a larger one."""
    others = [raw_chunk(b"%d" % number * 20) for number in range(beside)]
    false = (RecordKind.CHUNK, hash_bytes(REAL), Codec.RAW, len(FALSE), FALSE)
    _put(remote, false, *others)
    with pytest.raises(NotFoundError):
        pull_data(project)
    assert not (project.root / "model.bin").exists()
    assert check(project.open(), read_data=True).damaged == ()
    _assert_can_be_kept(project)


def test_a_frame_with_something_behind_it_never_comes_to_the_store(
    project: DataProject, remote: Path
) -> None:
    frame = zstandard.ZstdCompressor().compress(REAL)
    _put(remote, (RecordKind.CHUNK, hash_bytes(REAL), Codec.ZSTD, len(REAL), frame + b"more"))
    with pytest.raises(NotFoundError):
        pull_data(project)
    _assert_can_be_kept(project)


def test_an_index_that_names_what_a_pack_lacks_is_not_believed(
    project: DataProject, remote: Path
) -> None:
    pack = hostile_pack([raw_chunk(b"another thing")])
    entry = PackEntry(hash_bytes(pack), False, len(pack))
    (info,) = decode_footer(pack, origin="pack")
    told = info._replace(id=hash_bytes(REAL), plain_bytes=len(REAL), codec=Codec.ZSTD)
    segment = encode_index([entry], [(0, told)])
    for name, content in {
        "format": b"0\n",
        pack_object(entry.hash, False): pack,
        f"index/{hash_bytes(segment).hex()}.idx": segment,
    }.items():
        (remote / name).parent.mkdir(parents=True, exist_ok=True)
        (remote / name).write_bytes(content)
    with pytest.raises(NotFoundError) as caught:
        pull_data(project)
    assert caught.value.code == "content-missing"
    _assert_can_be_kept(project)


def test_a_manifest_of_other_chunks_gives_no_other_file(
    project: DataProject, remote: Path, tmp_path: Path
) -> None:
    half = len(FALSE) // 2
    parts = [FALSE[:half], FALSE[half:]]
    refs = tuple(ChunkRef(hash_bytes(part), len(part)) for part in parts)
    encoded = encode_file_manifest(FileManifest(len(FALSE), refs))
    manifest = (RecordKind.FILE, hash_bytes(REAL), Codec.RAW, len(encoded), encoded)
    _put(remote, manifest, *map(raw_chunk, parts))
    with pytest.raises(IntegrityError):
        export(project.open(), "HEAD", str(tmp_path / "plain"))
    assert [path.name for path in (tmp_path / "plain").glob("*")] in ([], ["tmp"])
    with pytest.raises(NotFoundError):
        pull_data(project)
    assert not (project.root / "model.bin").exists()
    assert check(project.open(), read_data=True).damaged == ()
    store = project.open().store
    assert store.find(RecordKind.FILE, hash_bytes(REAL)) is None
    assert len(list((store.folder / "packs").glob("*/*"))) <= 1
    _assert_can_be_kept(project)


def test_a_link_that_leads_to_no_name(project: DataProject, remote: Path, tmp_path: Path) -> None:
    tree = tree_bytes([("link", 3, 2, hash_bytes(b"\xff\xfe"))])
    record = (RecordKind.TREE, hash_bytes(tree), Codec.RAW, len(tree), tree)
    _put(remote, record, raw_chunk(b"\xff\xfe"))
    project.write("data.mlops", encode_pointer(TreePointer(manifest=hash_bytes(tree))))
    project.commit("A folder")
    with pytest.raises(MlopsError):
        export(project.open(), "HEAD", str(tmp_path / "plain"), ("data",))
