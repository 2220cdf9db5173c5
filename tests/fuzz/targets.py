"""What is fuzzed: each parser as a function of bytes, and the refusals that it may raise.

A target returns when its parser takes the bytes, after it has looked at what holds then: that the
same value has no other encoding, and that limits were kept. Everything but its refusals is a
defect.
"""

from __future__ import annotations

import io
import json
import shlex
import struct
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from jupyter_mlops.commands.front_end import KernelFiles, list_clients
from jupyter_mlops.commands.notebook_parsing import parse_checked
from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.config import PlotConfig
from jupyter_mlops.errors import (
    IntegrityError,
    MlopsError,
    NotFoundError,
    UnsupportedError,
    UsageError,
)
from jupyter_mlops.explain.rows import compare_rows
from jupyter_mlops.explain.seeds import find_seeds
from jupyter_mlops.files.owner import format_owner, parse_owner
from jupyter_mlops.files.stat_cache import read_stat_cache
from jupyter_mlops.formats.bars import format_bars, parse_bars
from jupyter_mlops.formats.bundle import decode_bundle_header
from jupyter_mlops.formats.conflict import join_conflict, split_conflict
from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.formats.erasure import MAX_HASHES, decode_erasure, encode_erasure
from jupyter_mlops.formats.index import IndexView, encode_index, verify
from jupyter_mlops.formats.lock_file import read_lock_file
from jupyter_mlops.formats.manifest import (
    decode_file_manifest,
    decode_tree,
    encode_file_manifest,
    encode_tree,
)
from jupyter_mlops.formats.names import check_path
from jupyter_mlops.formats.pack import (
    MAX_PLAIN_BYTES,
    RecordInfo,
    RecordKind,
    decode_footer,
    decode_record,
    encode_footer,
    scan_records,
)
from jupyter_mlops.formats.pattern import parse_pattern
from jupyter_mlops.formats.pointer import decode_pointer, encode_pointer
from jupyter_mlops.formats.project import parse_config
from jupyter_mlops.formats.run import format_line, parse_line
from jupyter_mlops.formats.snapshot import decode_snapshot_record, encode_snapshot_record
from jupyter_mlops.git.filter_protocol import serve
from jupyter_mlops.git.launcher import format_launcher, parse_launcher
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.metrics.dvc import match_named, read_dvc_yaml
from jupyter_mlops.metrics.history import read_history
from jupyter_mlops.metrics.read import NAMES_LIMIT, decode_metrics, decode_params
from jupyter_mlops.notebooks.canonical import parse_notebook
from jupyter_mlops.notebooks.compare import compare_notebooks
from jupyter_mlops.notebooks.conflict import find_marked, join_sources
from jupyter_mlops.notebooks.journal import decode_journal, join_journals
from jupyter_mlops.notebooks.merge import merge_notebooks
from jupyter_mlops.notebooks.merge_cells import MergedText
from jupyter_mlops.notebooks.merge_values import Versions
from jupyter_mlops.notebooks.names import find_name_uses, names_bound
from jupyter_mlops.notebooks.outputs import attach_outputs, decode_outputs, encode_outputs
from jupyter_mlops.notebooks.readable import EMPTY, format_readable, read_notebook
from jupyter_mlops.notebooks.strip import StripSettings, find_unstripped, resolve_settings, strip
from jupyter_mlops.notebooks.verdict import judge
from jupyter_mlops.objects.merge import merge_pointers
from jupyter_mlops.plots.pictures import parse_picture
from jupyter_mlops.plots.tables import parse_frame
from jupyter_mlops.plots.templates import Part, Wanted, plan_drawings
from jupyter_mlops.reports.lock_files import LOCK_FILES, compare_packages
from jupyter_mlops.reports.selection import read_comments
from jupyter_mlops.reports.verdict_words import explain_verdict
from jupyter_mlops.snapshots.operations import read_last_operation, read_undo_mark
from jupyter_mlops.snapshots.origins import decode_origin, encode_origin
from jupyter_mlops.snapshots.unfinished import read_unfinished
from jupyter_mlops.storage.url import parse_url
from jupyter_mlops.storage.web_listing import parse_links, parse_multistatus
from jupyter_mlops.text import visible
from jupyter_mlops.units import format_bytes, parse_bytes
from tests.notebooks.journals import seal

Refusals = tuple[type[Exception], ...]

_NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
_SETTINGS = (
    StripSettings(),
    resolve_settings("cell.metadata.tags", command="nbstripout --drop-empty-cells --max-size 9"),
)
_DAMAGE = (IntegrityError, UnsupportedError)
_SOME_RECORDS = 20


@dataclass(frozen=True, slots=True)
class Target:
    """One parser: what is called with bytes, and which exceptions say no."""

    run: Callable[[bytes], object]
    refusals: Refusals = ()

    def __call__(self, data: bytes) -> bool:
        """Return whether the parser took ``data``; raise what is a defect."""
        try:
            self.run(data)
        except self.refusals as error:
            if isinstance(error, MlopsError):
                assert (error.message and error.hints) or error.code in _BARE, error.code
                visible(error.message)
            return False
        return True


_BARE = frozenset({"filter-protocol"})
"""Codes of which no command mends anything."""


def _pack(data: bytes) -> None:
    refused: Exception | None = None
    try:
        infos = decode_footer(data, origin="x")
    except _DAMAGE as error:
        refused, infos = error, []
    else:
        assert data.endswith(encode_footer(infos))
    scanned = []
    try:
        for info in islice(scan_records(data, origin="x"), _SOME_RECORDS):
            scanned.append(info)
    except _DAMAGE as error:
        refused = refused or error
    for info in dict.fromkeys([*scanned, *infos[:_SOME_RECORDS]]):
        try:
            plain = decode_record(data, info, origin="x")
        except _DAMAGE as error:
            refused = error
        else:
            assert len(plain) == info.plain_bytes <= MAX_PLAIN_BYTES[info.kind]
    if refused is not None:
        raise refused


_INFO = struct.Struct(">BBQII")


def _record(data: bytes) -> None:
    """Decode a record that an index claims: the first bytes are the claim, the rest the pack."""
    if len(data) < _INFO.size + 32:
        return
    kind, codec, offset, stored, plain = _INFO.unpack_from(data)
    id = Hash(data[_INFO.size : _INFO.size + 32])
    info = RecordInfo(RecordKind(kind % len(RecordKind) + 1), id, codec % 2, offset, stored, plain)
    decode_record(data[_INFO.size + 32 :], info, origin="x")


def _index(data: bytes) -> None:
    view = IndexView(data, origin="x")
    for id in (data[-64:-32], data[40:72], bytes(32)):
        if len(id) == 32:
            for kind in RecordKind:
                view.find(kind, Hash(id))
                view.find_first(kind, Hash(id))
    verify(view)
    packs = list(view.packs)
    numbers = {(pack.hash, pack.plain): number for number, pack in enumerate(packs)}
    rows = [
        (
            numbers[place.pack, place.plain],
            RecordInfo(
                place.kind, id, place.codec, place.offset, place.stored_bytes, place.plain_bytes
            ),
        )
        for id, place in view
    ]
    assert encode_index(packs, rows) == data


def _tree(data: bytes) -> None:
    entries = decode_tree(data, origin="x")
    for name in entries:
        check_path(name)
    assert encode_tree(entries) == data


def _file_manifest(data: bytes) -> None:
    assert encode_file_manifest(decode_file_manifest(data, origin="x")) == data


def _pointer(data: bytes) -> None:
    assert encode_pointer(decode_pointer(data, origin="x.mlops")) == data


def _conflict(data: bytes) -> None:
    ours, theirs = split_conflict(data)
    for side in (ours, theirs):
        decode_pointer(side, origin="x.mlops")
    assert split_conflict(join_conflict(ours, theirs)) == (ours, theirs)


def _merge(data: bytes) -> None:
    """Merge pointers that stand one after the other, a NUL between them: base, ours, theirs."""
    versions = [*data.split(b"\0"), b"", b"", b""][:3]
    base, ours, theirs = (decode_pointer(one, origin="x.mlops") for one in versions)
    merged = merge_pointers([base], ours, theirs, _read_nothing)
    turned = merge_pointers([base], theirs, ours, _read_nothing)
    assert (turned.ours, turned.theirs) == (merged.theirs, merged.ours)
    assert (merged.ours != merged.theirs) == bool(merged.conflicts)
    for pointer in (merged.ours, merged.theirs):
        assert decode_pointer(encode_pointer(pointer), origin="x.mlops") == pointer


def _read_nothing(id: Hash) -> Mapping[str, Entry]:
    raise NotFoundError("There is no store.", code="content-missing", hints=("git fsck",))


def _snapshot(data: bytes) -> None:
    assert encode_snapshot_record(decode_snapshot_record(data, origin="x")) == data


def _pattern(data: bytes) -> None:
    text, _, path = data.decode("utf-8", "replace").partition("\0")
    pattern = parse_pattern(text[:1000])
    pattern.matches(path[:1000])


def _outputs(data: bytes) -> None:
    removed = decode_outputs(data)
    encode_outputs(removed, _NOON)
    attach_outputs(_STRIPPED, removed)


_STRIPPED = b"""{
 "cells": [
  {
   "cell_type": "code",
   "execution_count": null,
   "id": "c1",
   "metadata": {},
   "outputs": [],
   "source": [
    "print(1)"
   ]
  }
 ],
 "metadata": {},
 "nbformat": 4,
 "nbformat_minor": 5
}
"""


def _notebook(data: bytes) -> None:
    find_unstripped(data)
    for settings in _SETTINGS:
        stripped = strip(data, settings)
        assert stripped.problem is None or stripped.notebook == data
        if stripped.problem is None and data.strip():
            assert strip(stripped.notebook, settings).notebook == stripped.notebook
        if stripped.removed is not None:
            payload = encode_outputs(stripped.removed, _NOON)
            joined = attach_outputs(stripped.notebook, decode_outputs(payload))
            assert strip(joined, settings).notebook == stripped.notebook


def _readable(data: bytes) -> None:
    shown = read_notebook(data)
    text = format_readable(shown)
    assert visible(text, keep_lines=True) == text
    assert not compare_notebooks(shown, shown).any
    changes = compare_notebooks(EMPTY, shown)
    assert len(changes.cells) == len(shown.cells)


def _notebook_merge(data: bytes) -> None:
    """Merge notebooks that stand one after the other, a NUL between them: base, ours, theirs."""
    versions = Versions(*[*data.split(b"\0"), b"", b"", b""][:3])
    merged = merge_notebooks(versions, _join_texts)
    assert find_marked(merged.notebook) == list(merged.conflicts)
    assert strip(merged.notebook, _SETTINGS[0]).problem is None
    tree = json.loads(merged.notebook)
    if tree["nbformat_minor"] >= 5:
        assert len({cell["id"] for cell in tree["cells"]}) == len(tree["cells"])


def _join_texts(texts: Sequence[Versions[str]]) -> list[MergedText]:
    return [MergedText(join_sources(ours, theirs), conflict=True) for _, ours, theirs in texts]


def _numbers(suffix: str) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        refused: ValueError | None = None
        for decode in (decode_metrics, decode_params):
            try:
                values = decode(f"x.{suffix}", data)
            except ValueError as error:
                refused = error
            else:
                assert len(values) <= NAMES_LIMIT
                msgspec.json.encode(values)
        if refused is not None:
            visible(str(refused))
            raise refused

    return read


_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
"""Categories of characters that steer a terminal."""


def _table(suffix: str) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        path = f"plots/x.{suffix}"
        frame = parse_frame(path, data, lambda names: names)
        assert set(frame.columns) == set(frame.names)
        assert {len(column) for column in frame.columns.values()} <= {frame.rows}
        wanted = Wanted(PlotConfig(file=path), "line", path, path)
        for plot in plan_drawings(wanted, [Part(0, "x", frame)]):
            shown = visible(msgspec.json.encode(plot).decode())
            assert not {unicodedata.category(one) for one in shown} & _UNSEEN

    return read


def _image(data: bytes) -> None:
    picture = parse_picture(data)
    assert picture.media_type in ("image/png", "image/jpeg", "image/svg+xml")


def _dvc_yaml(data: bytes) -> None:
    found = read_dvc_yaml(data, "folder")
    for pattern in (*found.metrics, *found.params, *(plot.pattern for plot in found.plots)):
        pattern.encode("utf-8")
        assert not pattern.startswith(("/", "../")) and "\n" not in pattern
    match_named(found.metrics)("folder/metrics.json")


def _history_facts(data: bytes) -> None:
    """Read facts whose checksum is right, and go through all that they say."""
    from jupyter_mlops.metrics import facts_cache

    file = _folder() / "history.facts"
    _put(file, facts_cache._MAGIC + hash_bytes(data) + data)
    found = facts_cache.read_facts(file, b"", 20)
    _put(file, data)
    facts_cache.read_facts(file, b"", 20)
    if found is not None:
        facts = found[0]
        heads = {str(at): head for at, head in enumerate(facts.heads())}
        history = read_history(facts, heads, facts.snapshots.values(), lambda path: path != "x")
        assert len(tuple(history.points)) == len(history.points)
        history.held()


def _filter(data: bytes) -> None:
    def convert(path: str, content: bytes) -> bytes:
        assert len(content) <= len(data)
        return content[::-1]

    replies = io.BytesIO()
    serve(io.BytesIO(data), replies, clean=convert, smudge=convert, report=lambda *_: None)


def _words(data: bytes) -> None:
    try:
        words = shlex.split(data.decode("utf-8", "surrogateescape"))
    except ValueError:
        return
    parse_words(words, COMMANDS)


def _launcher(data: bytes) -> None:
    found = parse_launcher(data)
    assert found is None or format_launcher(found) == data


def _origin(data: bytes) -> None:
    decode_origin(encode_origin(decode_origin(data)))


def _owner(data: bytes) -> None:
    owner = parse_owner(data.decode("utf-8", "replace"))
    assert owner is None or parse_owner(format_owner(owner)) == owner


def _size(data: bytes) -> None:
    format_bytes(parse_bytes(data.decode("utf-8", "replace")))


@cache
def _made() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="mlops-fuzz-")


def _folder() -> Path:
    return Path(_made().name)


def _put(file: Path, data: bytes) -> None:
    """Write ``data`` as a new file: file systems let who overwrites one wait for the disk."""
    file.unlink(missing_ok=True)
    file.write_bytes(data)


def _state(data: bytes) -> None:
    """Read the files of a worktree's own, all of them with the same bytes."""
    here = _folder()
    for name in ("operations/00000001.json", "unfinished/1.json", "undoing"):
        (here / name).parent.mkdir(exist_ok=True)
        _put(here / name, data)
    read_last_operation(here)
    read_unfinished(here)
    read_undo_mark(here)


def _stat_cache(data: bytes) -> None:
    """Read a cache whose checksum is right, so that what it protects is looked at."""
    from jupyter_mlops.files import stat_cache

    file = _folder() / "stat-cache"
    _put(file, stat_cache._MAGIC + hash_bytes(data)[: stat_cache._CHECK_BYTES] + data)
    read_stat_cache(file)
    _put(file, data)
    read_stat_cache(file)


def _series(data: bytes) -> None:
    """Read one line of a run's series; what is written of it says the same again."""
    line = parse_line(data, origin="x")
    written = format_line(line)
    assert format_line(parse_line(written, origin="x")) == written


def _journal(data: bytes) -> None:
    """Read the journal whose lines are those of ``data``: what a check refuses, none can reach."""
    sealed = seal(data.split(b"\n"))
    sessions = decode_journal(sealed, origin="x")
    assert join_journals(sessions) == sealed
    for session in sessions:
        told = judge(parse_notebook(_STRIPPED), session.runs)
        assert "\x1b" not in explain_verdict(told)
        assert set(told.order) <= {0}


def _front_end(data: bytes) -> None:
    """Read what Jupyter's server left beside a kernel's connection file."""
    files = KernelFiles(_folder(), "k")
    _put(files.client("0a1b2c3d-0000-4000-8000-0123456789ab"), data)
    list_clients(files)


def _remote_url(data: bytes) -> None:
    found = parse_url(data.decode("utf-8", "surrogateescape"))
    assert found.kind == "file" or found.host
    assert ".." not in found.path.split("/") or found.kind == "file"


def _page_of_links(data: bytes) -> None:
    for step in parse_links(data, "http://host/a%20b/"):
        name = step.removesuffix("/")
        assert name and "/" not in name and name not in {".", ".."}


def _erasure(data: bytes) -> None:
    erasure = decode_erasure(data, origin="x")
    assert len(erasure.erased) + len(erasure.pieces) + len(erasure.lifted) <= MAX_HASHES
    assert encode_erasure(erasure) == data


def _multistatus(data: bytes) -> None:
    for member in parse_multistatus(data, "/a b/"):
        assert member.step and "/" not in member.step


_BUNDLE_REF = "refs/mlops/snapshots/gaaaaaaaaaaa"


def _bundle(data: bytes) -> None:
    for object_format, length in (("sha1", 40), ("sha256", 64)):
        header = None
        with suppress(IntegrityError):
            header = decode_bundle_header(
                data, ref=_BUNDLE_REF, object_format=object_format, origin="x"
            )
        if header is not None:
            assert {len(oid) for oid in (header.commit, *header.needed)} == {length}
            assert data[header.pack_offset :].startswith(b"PACK")
            return
    raise IntegrityError("It is neither.", hints=("jupyter mlops push",))


_TABLES = ("x.csv", "x.tsv", "x.json", "x.jsonl")
_LOCKS = ("uv.lock", "Pipfile.lock", "requirements.txt", "environment.yml", "pixi.lock")


def _explained(data: bytes) -> None:
    """Compare two tables, or read a lock file; the first byte says which."""
    if not data:
        return
    kind, content = data[0], data[1:]
    if kind < len(_LOCKS):
        read_lock_file(_LOCKS[kind], content)
        return
    old, _, new = content.partition(b"\0")
    name = _TABLES[kind % len(_TABLES)]
    found = compare_rows(name, old, new, examples=3)
    assert 0 <= found.share <= 1
    assert found.old_rows - found.removed == found.new_rows - found.added
    kinds = Counter(one.change for one in found.examples)
    counts = {"added": found.added, "removed": found.removed, "changed": found.changed}
    assert kinds == Counter({change: min(count, 3) for change, count in counts.items()})
    same = compare_rows(name, new, new)
    assert not (same.added or same.removed or same.changed or same.reordered or same.types)
    visible(found.describe())
    find_seeds(content.decode("utf-8", "replace").splitlines())


def _bars(data: bytes) -> None:
    bars = parse_bars(data)
    assert parse_bars(format_bars(bars)) == bars


def _cell(data: bytes) -> None:
    source = data.decode("utf-8", "replace")
    cell = {"cell_type": "code", "source": source, "metadata": {}}
    find_name_uses({"nbformat": 4, "metadata": {}, "cells": [cell, cell]})
    names_bound(source)
    read_comments([cell])


def _checked_notebook(data: bytes) -> None:
    parse_checked("a.ipynb", data)


def _lock_file(data: bytes) -> None:
    for name in LOCK_FILES:
        compare_packages(read_lock_file(name, data), {"numpy": "1.0"})


TARGETS: Mapping[str, Target] = {
    "explained": Target(_explained, (ValueError,)),
    "bars": Target(_bars, (UsageError, UnsupportedError)),
    "bundle": Target(_bundle, _DAMAGE),
    "filter-protocol": Target(_filter, (UsageError, UnsupportedError)),
    "file-manifest": Target(_file_manifest, _DAMAGE),
    "cell": Target(_cell),
    "checked-notebook": Target(_checked_notebook),
    "conflict": Target(_conflict, (ValueError, *_DAMAGE)),
    "erasure": Target(_erasure, _DAMAGE),
    "front-end": Target(_front_end),
    "image": Target(_image, (ValueError,)),
    "index": Target(_index, _DAMAGE),
    "journal": Target(_journal, _DAMAGE),
    "series": Target(_series, (ValueError, UnsupportedError)),
    "launcher": Target(_launcher),
    "lock-file": Target(_lock_file),
    "merge": Target(_merge, (*_DAMAGE, NotFoundError)),
    "dvc-yaml": Target(_dvc_yaml, (ValueError,)),
    "history-facts": Target(_history_facts),
    "numbers-json": Target(_numbers("json"), (ValueError,)),
    "numbers-toml": Target(_numbers("toml"), (ValueError,)),
    "numbers-yaml": Target(_numbers("yaml"), (ValueError,)),
    "multistatus": Target(_multistatus, (ValueError,)),
    "notebook": Target(_notebook),
    "notebook-merge": Target(_notebook_merge, (ValueError,)),
    "origin": Target(_origin, (ValueError, RecursionError)),
    "outputs": Target(_outputs, _DAMAGE),
    "owner": Target(_owner),
    "pack": Target(_pack, _DAMAGE),
    "page-of-links": Target(_page_of_links),
    "pattern": Target(_pattern, (ValueError,)),
    "pointer": Target(_pointer, _DAMAGE),
    "project": Target(lambda data: parse_config(data), (UsageError,)),
    "readable": Target(_readable, (ValueError,)),
    "record": Target(_record, _DAMAGE),
    "remote-url": Target(_remote_url, (UsageError,)),
    "size": Target(_size, (ValueError,)),
    "snapshot-record": Target(_snapshot, _DAMAGE),
    "stat-cache": Target(_stat_cache),
    "table-csv": Target(_table("csv"), (ValueError,)),
    "table-json": Target(_table("json"), (ValueError,)),
    "table-jsonl": Target(_table("jsonl"), (ValueError,)),
    "table-parquet": Target(_table("parquet"), (ValueError,)),
    "tree": Target(_tree, _DAMAGE),
    "words": Target(_words, (UsageError,)),
    "worktree-state": Target(_state),
}
"""Every parser of what others may have written, by name."""
