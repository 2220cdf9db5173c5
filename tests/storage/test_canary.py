"""The canary notices each thing that a remote does not do, and only that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_mlops.storage.backend import ByteRange, StoredObject
from jupyter_mlops.storage.canary import check_backend
from jupyter_mlops.storage.content import Advance, Content
from jupyter_mlops.storage.folder import FolderBackend


class _IgnoresConditions(FolderBackend):
    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        self.put(name, content)
        return True


class _ReplacesAndDeniesIt(FolderBackend):
    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        is_new = name not in {found.name for found in self.iter_objects()}
        self.put(name, content)
        return is_new


class _SeesWhatIsNotThere(FolderBackend):
    def put_new(self, name: str, content: Content, *, advance: Advance | None = None) -> bool:
        return False


class _Forges(FolderBackend):
    def read(self, name: str, *, limit_bytes: int = 1 << 20) -> bytes:
        found = super().read(name, limit_bytes=limit_bytes)
        return found if len(found) < 100 else bytes(len(found))


class _ReadsOtherParts(FolderBackend):
    def read_ranges(
        self, name: str, ranges: Sequence[ByteRange], *, expected: StoredObject | None = None
    ) -> list[bytes]:
        return super().read_ranges(name, [replace(wanted, offset=0) for wanted in ranges])


class _ListsNothing(FolderBackend):
    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        return iter(())


class _ListsOtherSizes(FolderBackend):
    def iter_objects(self, prefix: str = "") -> Iterator[StoredObject]:
        return (replace(found, size_bytes=1) for found in super().iter_objects(prefix))


class _Keeps(FolderBackend):
    def delete(self, name: str) -> None:
        pass


@pytest.mark.parametrize(
    ("kind", "ability"),
    [
        (_IgnoresConditions, "put only if new"),
        (_ReplacesAndDeniesIt, "put only if new"),
        (_SeesWhatIsNotThere, "put only if new"),
        (_Forges, "read"),
        (_ReadsOtherParts, "read a part"),
        (_ListsNothing, "list"),
        (_ListsOtherSizes, "list"),
        (_Keeps, "delete"),
    ],
)
def test_what_is_missing_is_found(tmp_path: Path, kind: type[FolderBackend], ability: str) -> None:
    trials = check_backend(kind(tmp_path, str(tmp_path)))
    assert [trial.ability for trial in trials if trial.failure is not None] == [ability]
    assert len(trials) == 6
