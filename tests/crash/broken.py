"""Steps of ours done wrongly, to show that the tests of this folder find each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_mlops.files import batch, beneath, durable, sync
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git import index_file, left_locks, process, refs
from jupyter_mlops.objects import writer
from jupyter_mlops.snapshots import apply, content, restore, take
from jupyter_mlops.snapshots.tracked import pointer_path
from jupyter_mlops.storage import folder
from jupyter_mlops.storage.content import read_whole

BROKEN: dict[str, Callable[[], None]] = {}
"""What breaks a step in this process, by the step's name."""


def _breaks(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def add(change: Callable[[], None]) -> Callable[[], None]:
        BROKEN[name] = change
        return change

    return add


def _nothing(*_: object, **__: object) -> Any:
    """Do nothing."""


def _put(function: str, put: Callable[..., Any], *modules: Any) -> None:
    for module in modules:
        setattr(module, function, put)


@_breaks("files are not synced")
def _sync_no_file() -> None:
    _put("sync_descriptor", _nothing, durable, batch)
    _put("sync_paths", _nothing, batch)


@_breaks("folders are not synced")
def _sync_no_folder() -> None:
    _put("sync_folder", _nothing, durable, index_file, sync)


@_breaks("names are given before bytes are synced")
def _name_first() -> None:
    rename = durable.StagedFile._rename

    def name_and_sync(self: durable.StagedFile, path: Path, *args: Any) -> None:
        rename(self, path, *args)
        with open(path, "rb") as named:
            os.fsync(named.fileno())

    _put("_rename", name_and_sync, durable.StagedFile)
    _put("sync", _nothing, durable.StagedFile)


@_breaks("failures to sync are passed over")
def _pass_over_failures() -> None:
    def try_to_sync(descriptor: int) -> None:
        with suppress(OSError):
            os.fsync(descriptor)

    _put("sync_descriptor", try_to_sync, durable, batch, sync)


@_breaks("Git syncs nothing")
def _let_git_sync_nothing() -> None:
    _put("_durability_options", lambda *_: (), process)
    _put("sync_objects", _nothing, refs)


@_breaks("references are moved before objects are durable")
def _move_references_first() -> None:
    _put("_durability_options", lambda *_: ("-c", "core.fsync=reference"), process)
    _put("sync_objects", _nothing, refs)


@_breaks("pointers are written before content")
def _write_pointers_first() -> None:
    keep_content = content.keep_content

    def keep(handles: Any, scanner: Any, paths: Sequence[str], *further: Any) -> Any:
        for path in paths:
            encoded = restore.encode_present(scanner.look(path))
            assert encoded is not None
            apply.open_worktree(handles).write_file(pointer_path(path), encoded, Mode.FILE)
        return keep_content(handles, scanner, paths, *further)

    _put("keep_content", keep, take)


@_breaks("files are written in place")
def _write_in_place() -> None:
    def write(self: beneath.Folder, source: str, name: str) -> None:
        with open(source, "rb") as staged, open(os.path.join(self.path, name), "wb") as target:
            target.write(staged.read())

    _put("rename_in", write, beneath.Folder)


@_breaks("temporary files stay")
def _clear_nothing() -> None:
    _put("clear_staging", _nothing, apply)
    _put("clear_store", _nothing, apply, writer)
    _put("clear_temporaries", _nothing, index_file)


@_breaks("temporary files of a remote stay")
def _clear_nothing_there() -> None:
    _put("_clear", _nothing, folder.FolderBackend)


@_breaks("objects of a remote are written in place")
def _write_objects_in_place() -> None:
    def write(self: Any, name: str, content: Any, *_: object, **__: object) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb", buffering=0) as file:
            whole = read_whole(content)
            file.write(whole[: len(whole) // 2])
            file.write(whole[len(whole) // 2 :])

    _put("_write", write, folder.FolderBackend)


@_breaks("our lock on the index stays")
def _leave_the_index_locked() -> None:
    _put("_remove_left_behind", _nothing, index_file)


@_breaks("locks of Git stay")
def _leave_references_locked() -> None:
    _put("clear_left_locks", _nothing, left_locks, index_file)
