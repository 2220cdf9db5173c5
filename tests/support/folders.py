"""Folders drawn by hypothesis: paths with their entries, and what two people make of them."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.formats.manifest import EMPTY_TREE_HASH, encode_tree
from jupyter_mlops.formats.names import check_names
from jupyter_mlops.formats.pointer import TreePointer
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.folders import Folder

Files = dict[str, Entry]

EMPTY_FOLDER = Entry(Mode.FOLDER, EMPTY_TREE_HASH, 0)

_PATHS = (
    *("a", "A", "a-1", "a!", "a/1", "a/2", "a/b/1", "a/b/2", "a/B/1", "A/2", "b", "b.txt"),
    *("b/x", "b/y", "b/z/1", "c", "C", "c/1", "d/e/f", "d/e/g", "d/E/f", "é", "e\u0301", "z"),
)
"""Names of which some sort between a folder's name and what is in it, and some are one name."""

_BETWEEN = ("0", "A0", "D1", "a#", "a/11", "a/bb", "aa", "b-0", "bb", "cc", "d/e/ff", "dd", "y")
"""Names between those, of files that nobody changes."""


def file(content: str, *, executable: bool = False) -> Entry:
    """Return the entry of a file with that content."""
    body = content.encode()
    mode = Mode.EXECUTABLE if executable else Mode.FILE
    return Entry(mode, hash_bytes(body), len(body))


_ENTRIES = st.one_of(
    st.builds(file, st.sampled_from(("one", "two", "three")), executable=st.booleans()),
    st.just(Entry(Mode.SYMLINK, hash_bytes(b"one"), 3)),
    st.just(EMPTY_FOLDER),
)
_CHANGE = st.tuples(st.sampled_from(_PATHS), st.one_of(st.none(), _ENTRIES))
_CHANGES = st.one_of(st.lists(_CHANGE, max_size=2), st.lists(_CHANGE, max_size=8))


def change(files: Files, changes: list[tuple[str, Entry | None]]) -> Files:
    """Return ``files`` after ``changes`` that the names of others allow; None deletes."""
    changed = dict(files)
    for path, entry in changes:
        tried = {name: one for name, one in changed.items() if name != path}
        if entry is not None:
            for name in [name for name, one in tried.items() if one == EMPTY_FOLDER]:
                if path.startswith(f"{name}/"):
                    del tried[name]
            tried[path] = entry
        try:
            check_names(tried.keys())
        except ValueError:
            continue
        changed = tried
    return changed


@st.composite
def diverged(draw: st.DrawFn) -> tuple[Files, Files, Files]:
    """Return a folder and what two people have made of it."""
    between = draw(st.lists(st.sampled_from(_BETWEEN), unique=True))
    base = change(dict.fromkeys(between, file("same")), draw(_CHANGES) + draw(_CHANGES))
    return base, change(base, draw(_CHANGES)), change(base, draw(_CHANGES))


def in_form(files: Files, form: str) -> tuple[TreePointer, Mapping[Hash, bytes]]:
    """Return the pointer to ``files`` in a form that a reader takes, and its manifests."""
    if form == "listed":
        return TreePointer(entries=files), {}
    folder = Folder.of(files)
    manifests = {id: encode() for id, encode in folder.manifests.items()}
    if form == "by folders":
        return TreePointer(entries=folder.direct), manifests
    encoded = encode_tree(folder.direct)
    manifests[hash_bytes(encoded)] = encoded
    return TreePointer(manifest=hash_bytes(encoded)), manifests
