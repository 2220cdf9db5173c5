from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_mlops.errors import NotFoundError, UnavailableError
from jupyter_mlops.files.durable import remove_durably, write_new
from jupyter_mlops.storage.local import LocalBackend
from tests.storage.conformance import BackendConformance


class TestLocalBackend(BackendConformance):
    @pytest.fixture
    def backend(self, tmp_path: Path) -> LocalBackend:
        return LocalBackend(tmp_path / "place", write_new, remove_durably)

    def test_objects_can_be_mapped(self, backend: LocalBackend) -> None:
        backend.put("x", b"content")
        backend.put("empty", b"")
        assert bytes(backend.open_map("x")) == b"content"
        assert bytes(backend.open_map("empty")) == b""
        with pytest.raises(NotFoundError):
            backend.open_map("y")

    def test_nothing_temporary_is_left_or_listed(self, backend: LocalBackend) -> None:
        backend.put("packs/x", b"1")
        backend.put("packs/x", b"2")
        assert os.listdir(backend.root / "tmp") == []
        (backend.root / "tmp" / "half").write_bytes(b"")
        assert [name for name, _ in backend.list()] == ["packs/x"]

    def test_a_source_that_cannot_be_read_is_said(
        self, backend: LocalBackend, tmp_path: Path
    ) -> None:
        with pytest.raises(UnavailableError):
            backend.put_file("x", tmp_path / "nowhere")
        assert list(backend.list()) == []
