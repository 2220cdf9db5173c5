"""Whether every state of a project can still be brought back; only looks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from jupyter_mlops.errors import IntegrityError, MlopsError, NotFoundError, UnsupportedError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.conflict import is_in_conflict
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.formats.pointer import POINTER_SUFFIX, Pointer, decode_pointer
from jupyter_mlops.formats.snapshot import RECORD_PATH, decode_snapshot_record
from jupyter_mlops.git.history import iter_history
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.git.refs import Ref, list_refs
from jupyter_mlops.git.revisions import head, list_stashes, peel_to_commits
from jupyter_mlops.git.trees import open_blob_reader, open_tree
from jupyter_mlops.git.verify import ObjectDamage, find_object_damage, paths_of_objects
from jupyter_mlops.ids import Hash, format_hash, hash_bytes
from jupyter_mlops.objects.check import RecordKey, StoreCheck, check_store
from jupyter_mlops.objects.erased import damaged_erasures
from jupyter_mlops.objects.packs import list_packs
from jupyter_mlops.objects.reach import BadContent, ContentSearch
from jupyter_mlops.objects.records import describe_away
from jupyter_mlops.snapshots.evicted import read_all_evicted
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.listing import SNAPSHOT_REFS, list_snapshots
from jupyter_mlops.snapshots.origins import read_origins
from jupyter_mlops.snapshots.tracked import pointer_path, read_pointer_file

_NOTEBOOKS = ".ipynb"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not what it should be.

    ``what`` is its sort: ``pack``, ``alternate`` (a pack in one), ``index``, ``erasure``,
    ``content`` (a file), ``folder``, ``outputs`` (of a notebook), ``record`` (a piece that no state
    needs), ``pointer``, ``snapshot``, ``object`` (Git's) or ``reference``. ``paths`` are the files
    of the project that it concerns, ``snapshots`` the ids of those that cannot be restored whole.
    """

    what: str
    id: str
    why: str
    paths: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectCheck:
    """What a look at the store, at Git and at all that pointers name found.

    ``pointers`` counts the different ones that were followed, ``absent`` the files that commits
    name and that have never been on this machine, ``elsewhere`` those that were evicted because a
    remote holds them, ``erased`` those whose content was erased: no damage. ``bad`` tells of each
    content that cannot be read what it is made of, ``bad_entries`` how it is named.
    """

    store: StoreCheck
    damages: tuple[Damage, ...]
    pointers: int
    absent: int
    elsewhere: int
    erased: int
    bad: dict[Hash, BadContent]
    bad_entries: dict[Hash, Entry]


def check_project(handles: Handles, *, read_data: bool = False) -> ProjectCheck:
    """Follow every snapshot, branch, tag, stash and the index down to the bytes in the store.

    With ``read_data`` every byte of every pack, and every object of Git's, is read and compared
    with its name; without, names, sizes and tables are.

    Raises:
        UnsupportedError: a pack has a newer format.
    """
    git = handles.git
    git_damage = find_object_damage(git, read_data=read_data)
    refs = list_refs(git)
    pointers = _list_pointers(handles, refs)
    places = handles.store.pack_folders if read_data else ()
    sizes = [pack.size_bytes for folder in places for pack in list_packs(folder)]
    total = sum(sizes) if read_data else None
    with handles.progress.task("Checking", total) as task:
        store = check_store(handles.store, read_data=read_data, task=task)
    evicted = read_all_evicted(handles.store)
    search = ContentSearch(handles.store, store.lost | store.hidden, evicted)
    report = _Report(handles, store, search)
    report.add_store()
    report.read_pointers(pointers)
    report.add_pointer_files()
    report.add_snapshots([ref for ref in refs if ref.name.startswith(SNAPSHOT_REFS)])
    report.add_content(pointers)
    if git_damage is not None:
        report.add_git(git_damage, refs)
    folders = {hash: Entry(Mode.FOLDER, hash, 0) for hash in search.bad_folders}
    return ProjectCheck(
        store=store,
        damages=tuple(report.damages),
        pointers=len(report.pointers),
        absent=report.absent,
        elsewhere=len(search.elsewhere),
        erased=len(search.erased),
        bad=search.bad,
        bad_entries=folders | search.bad_files,
    )


def _list_pointers(handles: Handles, refs: Iterable[Ref]) -> dict[str, set[str]]:
    """Return the blobs of all pointer files that Git reaches, each with its tracked paths."""
    git = handles.git
    tips = [ref.oid for ref in refs] + list_stashes(git)
    commits = list(dict.fromkeys(peel_to_commits(git, tips).values()))
    here = head(git).commit
    if here is not None and here not in commits:
        commits.append(here)
    found: dict[str, set[str]] = defaultdict(set)
    for path, oid in _iter_changes(handles, commits):
        found[oid].add(path.removesuffix(POINTER_SUFFIX))
    for path, blob in list_index(git, "*" + POINTER_SUFFIX).items():
        if blob is not None:
            found[blob].add(path.removesuffix(POINTER_SUFFIX))
    return found


def _iter_changes(handles: Handles, commits: list[str]) -> Iterator[tuple[str, str]]:
    """Yield path and blob of each pointer file that a commit brought; what Git lacks is left out.

    Where Git lacks an object, the histories of single commits are read as far as they can be.
    """
    patterns = ["**/*" + POINTER_SUFFIX]
    try:
        histories = [iter_history(handles.git, commits, patterns)]
    except MlopsError:
        histories = []
        for commit in commits:
            with suppress(MlopsError):
                histories.append(iter_history(handles.git, [commit], patterns))
    for history in histories:
        for one in history:
            for change in one.changes:
                if change.oid is not None:
                    yield change.path, change.oid


@dataclass
class _Report:
    """Gathers what is damaged."""

    handles: Handles
    store: StoreCheck
    search: ContentSearch
    damages: list[Damage] = field(default_factory=list)
    pointers: dict[str, Pointer] = field(default_factory=dict)
    absent: int = 0

    def add_store(self) -> None:
        for name in self.store.damaged_segments:
            why = "it is not what its name says; it is made anew from the packs"
            self.damages.append(Damage("index", name, why))
        for one in self.store.damaged_packs:
            name = one.pack.hash.hex()
            if one.folder in self.handles.store.alternates:
                why = f"{one.reason}; it is in the alternate {one.folder}, to be repaired there"
                self.damages.append(Damage("alternate", name, why))
            else:
                self.damages.append(Damage("pack", name, one.reason))
        for name in damaged_erasures(self.handles.store.erased_folder):
            self.damages.append(Damage("erasure", name, "it is not what its name says"))

    def read_pointers(self, pointers: dict[str, set[str]]) -> None:
        """Read and follow each pointer blob."""
        with open_blob_reader(self.handles.git) as reader:
            for oid, paths in pointers.items():
                name = pointer_path(min(paths))
                try:
                    pointer = decode_pointer(reader.read(oid), origin=name)
                except (NotFoundError, UnsupportedError):
                    continue
                except IntegrityError as error:
                    names = tuple(pointer_path(path) for path in sorted(paths))
                    self.damages.append(Damage("pointer", oid, error.message, names))
                    continue
                self.pointers[oid] = pointer
                self.search.look(pointer)

    def add_pointer_files(self) -> None:
        """Look at the pointer files of the working tree, which Git may not know yet."""
        git, tree = self.handles.git, WorkTree(self.handles.root)
        listed = list_index(git, "*" + POINTER_SUFFIX)
        paths = {name.removesuffix(POINTER_SUFFIX) for name in listed}
        for path in sorted(paths | read_origins(git.state_dir).keys()):
            try:
                encoded = read_pointer_file(tree, path)
                if encoded is not None and not is_in_conflict(encoded):
                    self.search.look(decode_pointer(encoded, origin=pointer_path(path)))
            except UnsupportedError:
                continue
            except MlopsError as error:
                name = pointer_path(path)
                self.damages.append(Damage("pointer", name, error.message, (name,)))

    def add_snapshots(self, refs: list[Ref]) -> None:
        """Find the snapshots whose record cannot be read."""
        listed = {snapshot.id for snapshot in list_snapshots(self.handles.git)}
        unread = [ref for ref in refs if ref.name.removeprefix(SNAPSHOT_REFS) not in listed]
        for ref in unread:
            id = ref.name.removeprefix(SNAPSHOT_REFS)
            try:
                with open_blob_reader(self.handles.git) as blobs:
                    encoded = blobs.read(f"{ref.oid}:{RECORD_PATH}")
                decode_snapshot_record(encoded, origin=f"of snapshot {id}")
                why = "its record is that of another snapshot"
            except UnsupportedError:
                continue
            except NotFoundError:
                why = "Git cannot read its record"
            except IntegrityError as error:
                why = error.message
            self.damages.append(Damage("snapshot", id, why, (), (id,)))

    def add_content(self, pointers: dict[str, set[str]]) -> None:
        """Name the files that cannot be read, and the snapshots that want them."""
        bad = self.search.bad
        paths: dict[Hash, set[str]] = defaultdict(set)
        wanting: dict[Hash, set[str]] = defaultdict(set)
        if bad:
            for oid, pointer in self.pointers.items():
                for inner, hash in self.search.iter_bad(pointer):
                    paths[hash].update(_join(path, inner) for path in pointers[oid])
            for id, path, pointer in iter_kept(self.handles):
                for inner, hash in self.search.iter_bad(pointer):
                    paths[hash].add(_join(path, inner))
                    wanting[hash].add(id)
        for hash, content in bad.items():
            if content.state == "missing" and hash not in wanting:
                self.absent += 1
                continue
            what = "folder" if hash in self.search.bad_folders else "content"
            lacking = f"the store lacks it{describe_away(self.handles.store)}"
            why = lacking if content.state == "missing" else "it is damaged"
            self.damages.append(
                Damage(
                    what,
                    format_hash(hash),
                    why,
                    tuple(sorted(paths[hash])),
                    tuple(sorted(wanting[hash])),
                )
            )
        self._add_lost_records()

    def add_git(self, damage: ObjectDamage, refs: list[Ref]) -> None:
        """Name the snapshots that Git cannot give back, and what else it lacks."""
        git = self.handles.git
        for ref in refs:
            if not ref.name.startswith(SNAPSHOT_REFS) or not damage.objects:
                continue
            paths = paths_of_objects(git, ref.oid, damage.objects)
            if paths == []:
                continue
            id = ref.name.removeprefix(SNAPSHOT_REFS)
            why = "Git cannot read its commit" if paths is None else "Git cannot read all its files"
            self.damages.append(Damage("snapshot", id, why, tuple(paths or ()), (id,)))
        for name in damage.references:
            id = name.removeprefix(SNAPSHOT_REFS)
            what, ids = ("reference", ()) if id == name else ("snapshot", (id,))
            why = "its reference names nothing that Git has"
            self.damages.append(Damage(what, id, why, (), ids))
        for oid in sorted(damage.objects):
            self.damages.append(Damage("object", oid, "Git cannot read it"))
        if damage.reason is not None:
            self.damages.append(Damage("object", "", damage.reason))

    def _add_lost_records(self) -> None:
        needed = {key for content in self.search.bad.values() for key in content.needs}
        for kind, id in sorted(self.store.lost - needed):
            if kind is RecordKind.OUTPUTS:
                paths = self._notebooks_of(id)
                self.damages.append(Damage("outputs", format_hash(id), "it is damaged", paths))
            else:
                why = "it is damaged, and nothing here needs it"
                self.damages.append(Damage("record", format_hash(id), why))

    def _notebooks_of(self, key: Hash) -> tuple[str, ...]:
        """Return the notebooks at HEAD whose outputs are kept under ``key``."""
        commit = head(self.handles.git).commit
        if commit is None:
            return ()
        tree = open_tree(self.handles.git, commit)
        names = [name for name in tree.iter_paths() if name.endswith(_NOTEBOOKS)]
        return tuple(name for name, content in tree.read_many(names) if hash_bytes(content) == key)


def iter_kept(handles: Handles) -> Iterator[tuple[str, str, Pointer]]:
    """Yield id, tracked path and pointer of all that the snapshots here keep."""
    snapshots = list_snapshots(handles.git)
    with open_blob_reader(handles.git) as reader:
        for snapshot in snapshots:
            for kept in snapshot.record.paths:
                name = pointer_path(kept.path)
                with suppress(MlopsError):
                    encoded = reader.read(f"{snapshot.commit}:{name}")
                    yield snapshot.id, kept.path, decode_pointer(encoded, origin=name)


def needed_by(check: ProjectCheck, damage: Damage) -> frozenset[RecordKey]:
    """Return the lost records that a damaged file, folder, record or outputs is made of."""
    for hash, content in check.bad.items():
        if format_hash(hash) == damage.id:
            return content.needs
    return frozenset(key for key in check.store.lost if format_hash(key[1]) == damage.id)


def _join(path: str, inner: str) -> str:
    return f"{path}/{inner}" if inner else path
