"""Mending a store: nothing is deleted, and whatever is whole stays readable at every moment."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Sequence
from pathlib import Path

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.files.durable import is_same_file, link_aside, remove
from jupyter_mlops.formats.pack import RecordKind
from jupyter_mlops.ids import Hash
from jupyter_mlops.objects.check import PackDamage, read_place
from jupyter_mlops.objects.packs import PackFile, pack_path
from jupyter_mlops.objects.records import iter_copies
from jupyter_mlops.objects.segments import forget_packs
from jupyter_mlops.objects.store import Store
from jupyter_mlops.objects.writer import Writer, open_writer

QUARANTINE = "quarantine"
"""The folder of the store for packs that were damaged."""


def mend_index(store: Store) -> None:
    """Make damaged segments of the index anew from the packs, durably.

    Raises:
        UnavailableError: the store cannot be written.
    """
    for name in store.damaged_segments():
        path = store.index_folder / name
        if path.is_dir():  # nothing can be written in its place
            link_aside(path, store.local_folder / QUARANTINE)
    store.reload()
    store.distrust_index()
    store.adopt_rebuilt()


def mend_packs(
    store: Store, damaged: Sequence[PackDamage], take_back: Callable[[], None]
) -> list[Path]:
    """Set damaged packs aside once all that is whole in them stands elsewhere; return where to.

    A damaged pack first gets a second name in the quarantine. Then its whole records are written
    anew, ``take_back`` writes what it can of the others, and only what is durable by then replaces
    it: the index forgets the pack, and its first name goes. A pack that turned out byte for byte as
    it should have been takes the damaged one's place. Killed at any moment, all of it can be done
    again. Alternates stay as they are: what is whole in a pack of theirs is copied, and no more.

    Args:
        store: the store; while ``take_back`` runs it finds nothing in the damaged packs.
        damaged: what a check with all bytes read found.
        take_back: writes to the same store what other places still have.

    Raises:
        UnavailableError: the store cannot be written.
    """
    own = [one for one in damaged if one.folder not in store.alternates]
    aside = {
        _path(one): link_aside(_path(one), one.folder / QUARANTINE, shared=store.is_shared)
        for one in own
        if one.on_disk
    }
    store.distrust_packs([one.pack for one in damaged])
    _save_whole(store, damaged)
    take_back()
    replaced = [one for one in own if _is_replaced(one, aside.get(_path(one)))]
    left = [one for one in own if one not in replaced]
    forget_packs(store, [one.pack for one in left])
    for one in left:
        remove(_path(one), durable=True)
    store.trust_packs()
    return [path for path in aside.values() if path is not None]


def _save_whole(store: Store, damaged: Sequence[PackDamage]) -> None:
    with open_writer(store) as writer:
        for one in damaged:
            if not one.whole:
                continue
            try:
                file = PackFile(_path(one))
            except FileNotFoundError:  # another repair has saved all that is whole in it
                continue
            with file:
                for id, place in one.whole:
                    _save(store, writer, place.kind, id, read_place(file, place, id))
        writer.finish()


def _is_replaced(one: PackDamage, aside: Path | None) -> bool:
    path = _path(one)
    if aside is None or not path.exists():
        return path.exists()
    # where no second name could be given, what was set aside is a copy
    return not is_same_file(path, aside) and not filecmp.cmp(path, aside, shallow=False)


def _path(one: PackDamage) -> Path:
    return pack_path(one.folder, one.pack.hash, one.pack.plain)


def _save(store: Store, writer: Writer, kind: RecordKind, id: Hash, content: bytes) -> None:
    """Write a record that no whole pack has; after a kill, only what is not written yet."""
    if kind is RecordKind.OUTPUTS:
        try:
            known = content in iter_copies(store, kind, id)
        except IntegrityError:
            known = False
    else:
        known = store.find(kind, id) is not None
    if not known:
        writer.add_bytes(kind, id, content)
