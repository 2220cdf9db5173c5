"""What looks like secrets and is about to leave this machine: outputs, texts of runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from jupyter_mlops.errors import IntegrityError, NotFoundError, UnsupportedError
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pointer import decode_pointer
from jupyter_mlops.formats.run import MAX_LINE_BYTES, is_series_name
from jupyter_mlops.formats.snapshot import RUNS_POINTER_PATH
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import open_blob_reader, open_tree
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.notebooks.kept import LeftOut, find_secret_cells
from jupyter_mlops.notebooks.outputs import decode_outputs
from jupyter_mlops.notebooks.secrets import SCANNED_CHARACTERS, find_secrets
from jupyter_mlops.objects.outputs import read_outputs
from jupyter_mlops.objects.reader import iter_file
from jupyter_mlops.objects.store import Store
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.listing import Listed
from jupyter_mlops.snapshots.roots import Roots

_OF_NUMBERS = re.compile(rb'\{"at":[^,]*,"(?:step|system)":')
"""How lines of a series begin that say numbers alone."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Outputs that are not sent, the notebook they belong to, and where they look like secrets.

    ``notebook`` is its path at HEAD, or the blob's id where HEAD has it otherwise.
    """

    id: Hash
    notebook: str
    where: tuple[LeftOut, ...]


def find_held_back(handles: Handles, roots: Roots, ids: Iterable[Hash]) -> list[HeldBack]:
    """Return which of the outputs under ``ids`` look like secrets that no cell's tag allows.

    Args:
        handles: the project.
        roots: what is pushed; the notebooks that the outputs belong to are among it.
        ids: the names of the outputs.
    """
    suspicious = {}
    for id in ids:
        with suppress(IntegrityError, UnsupportedError):
            payload = read_outputs(handles.store, id)
            removed = decode_outputs(payload) if payload is not None else None
            if removed is not None and find_secret_cells(b"", removed):
                suspicious[id] = removed
    if not suspicious:
        return []
    at = head(handles.git).commit
    entries = open_tree(handles.git, at).entries if at is not None else {}
    paths = {entry.oid: path for path, entry in entries.items()}
    held = []
    with open_blob_reader(handles.git) as reader:
        blobs = zip(roots.notebooks, reader.read_many(roots.notebooks), strict=True)
        for oid, notebook in blobs:
            removed = suspicious.pop(hash_bytes(notebook), None)
            where = find_secret_cells(notebook, removed) if removed is not None else ()
            if where:
                held.append(HeldBack(hash_bytes(notebook), paths.get(oid, oid[:10]), where))
    return held


@dataclass(frozen=True, slots=True)
class HeldSnapshot:
    """A snapshot that is not sent: where it looks like secrets, and what kinds each place shows."""

    id: str
    name: str | None
    where: tuple[tuple[str, tuple[str, ...]], ...]


def find_held_snapshots(handles: Handles, snapshots: Iterable[Listed]) -> list[HeldSnapshot]:
    """Return which of ``snapshots`` look like secrets in parameters or in what runs kept as text.

    Of a run that is its series, but for metrics, and of each file that is text the beginning.
    """
    texts = _RunTexts(handles.store)
    held = []
    for one in snapshots:
        where = [("its parameters", find_secrets({"params": dict(one.record.params)}))]
        tree = open_tree(handles.git, one.commit)
        if RUNS_POINTER_PATH in tree.entries:
            with suppress(IntegrityError, NotFoundError, UnsupportedError):
                pointer = decode_pointer(tree.read(RUNS_POINTER_PATH), origin=RUNS_POINTER_PATH)
                entries = read_entries(handles.store, pointer)
                where += [(f"runs/{path}", texts.find(path, entries[path])) for path in entries]
        found = tuple((place, kinds) for place, kinds in where if kinds)
        if found:
            held.append(HeldSnapshot(one.id, one.name, found))
    return held


@dataclass(frozen=True, slots=True)
class _RunTexts:
    """Files of runs, each of which is looked at once however many snapshots have it."""

    store: Store
    known: dict[Hash, tuple[str, ...]] = field(default_factory=dict)

    def find(self, path: str, entry: Entry) -> tuple[str, ...]:
        if entry.mode is Mode.FOLDER:
            return ()
        if entry.hash not in self.known:
            find = self._in_series if is_series_name(path.rpartition("/")[2]) else self._in_text
            # What the store lacks, or has damaged, is not sent.
            with suppress(IntegrityError, NotFoundError):
                self.known[entry.hash] = find(entry)
        return self.known.get(entry.hash, ())

    def _in_series(self, entry: Entry) -> tuple[str, ...]:
        kinds: set[str] = set()
        for line in _iter_lines(iter_file(self.store, entry)):
            if not _OF_NUMBERS.match(line):
                with suppress(ValueError, RecursionError):
                    kinds.update(find_secrets(json.loads(line)))
        return tuple(sorted(kinds))

    def _in_text(self, entry: Entry) -> tuple[str, ...]:
        head = b""
        for part in iter_file(self.store, entry):
            head += part[: SCANNED_CHARACTERS - len(head)]
            if b"\0" in head:
                return ()
            if len(head) == SCANNED_CHARACTERS:
                break
        return find_secrets({"text": head.decode("utf-8", "replace")})


def _iter_lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the whole lines of a series; what is longer than one may be is passed over."""
    rest = b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        yield from lines
        rest = rest if len(rest) <= MAX_LINE_BYTES else b""
