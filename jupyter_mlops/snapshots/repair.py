"""Mending what a check found, out of the store itself and out of what lies in the working trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.check import RecordKey
from jupyter_mlops.objects.chunker import BLOCK_BYTES
from jupyter_mlops.objects.encode import Encoder, iter_records
from jupyter_mlops.snapshots.check import Damage, ProjectCheck, needed_by
from jupyter_mlops.snapshots.content import keep_content
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.scan import Present, Scanner
from jupyter_mlops.snapshots.tracked import read_tracked


@dataclass(frozen=True, slots=True)
class Sources:
    """What working trees still have of what the store lost, and at which tracked paths."""

    records: frozenset[RecordKey]
    contents: frozenset[Hash]
    paths: tuple[str, ...]

    def give_back(self, check: ProjectCheck, damage: Damage) -> bool:
        """Return whether all that is missing of a damaged file or folder can be had from here."""
        needs = needed_by(check, damage)
        if needs and needs <= self.records | check.store.hidden:
            return True
        return any(f"blake3:{hash.hex()}" == damage.id for hash in self.contents)


def is_in_store(check: ProjectCheck, damage: Damage) -> bool:
    """Return whether all of a damaged file or folder is whole in packs that are not read now."""
    needs = needed_by(check, damage)
    return bool(needs) and needs <= check.store.hidden


def find_sources(handles: Handles, check: ProjectCheck) -> Sources:
    """Read the tracked data of this working tree for what the store lost; nothing is written.

    A file that has changed since may still hold some of the chunks.
    """
    wanted = {hash for hash, content in check.bad.items()}
    records: set[RecordKey] = set()
    contents: set[Hash] = set()
    paths: dict[str, None] = {}
    encoder = Encoder(lambda kind, id: (kind, id) not in check.store.lost)
    buffer = bytearray(BLOCK_BYTES)
    scanner = Scanner(handles)
    for present in _iter_present(handles, scanner):
        before = len(records) + len(contents)
        contents |= wanted & {entry.hash for entry in present.entries.values()}
        if present.is_folder:
            _, manifests = present.folder.plan_pointer()
            contents |= wanted & manifests.keys()
            records |= {(RecordKind.TREE, id) for id in manifests} & check.store.lost
        folder = scanner.folder_of(present)
        for found in present.iter_stats():
            if found.mode not in (Mode.FILE, Mode.EXECUTABLE) or not check.store.lost:
                continue
            with suppress(MlopsError):
                for made in iter_records(
                    encoder, f"{folder}/{found.path}", found.size_bytes, buffer
                ):
                    records |= {(record.kind, record.id) for record in made}
        if len(records) + len(contents) > before:
            paths[present.path] = None
    return Sources(frozenset(records), frozenset(contents), tuple(paths))


def take_back(handles: Handles, paths: Sequence[str]) -> int:
    """Put into the store what it lacks of the data at ``paths``, durably.

    Return how many bytes that were.

    Raises:
        UnavailableError: the disk is full or read-only.
    """
    return keep_content(handles, Scanner(handles), paths).new_bytes if paths else 0


def _iter_present(handles: Handles, scanner: Scanner) -> Iterator[Present]:
    """Yield what lies at each tracked path; one that cannot be read is left out."""
    tracked = read_tracked(handles, read_origins(handles.git.state_dir))
    scanner.ask_git(list(tracked))
    for path in tracked:
        with suppress(MlopsError):
            present = scanner.look(path)
            if present is not None and present.git_files != ("",):
                yield present
