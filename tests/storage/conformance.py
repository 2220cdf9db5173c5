"""What every place for packs promises; a test class for each place inherits this one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.storage.backend import Backend


class BackendConformance:
    """Tests of the protocol; a subclass has the fixture ``backend``, an empty place."""

    def test_what_was_put_is_read_whole_and_in_parts(self, backend: Backend) -> None:
        assert backend.put("packs/ab/x.pack", b"0123456789") is True
        assert backend.read("packs/ab/x.pack") == b"0123456789"
        assert backend.read("packs/ab/x.pack", 3) == b"3456789"
        assert backend.read("packs/ab/x.pack", 3, 4) == b"3456"
        assert backend.read("packs/ab/x.pack", 8, 10) == b"89"
        assert backend.read("packs/ab/x.pack", 10, 10) == b""
        assert backend.size("packs/ab/x.pack") == 10

    def test_empty_objects_are_objects(self, backend: Backend) -> None:
        assert backend.put("empty", b"") is True
        assert backend.read("empty") == b""
        assert backend.size("empty") == 0
        assert list(backend.list()) == [("empty", 0)]

    def test_a_name_is_given_once(self, backend: Backend) -> None:
        assert backend.put("x", b"first") is True
        assert backend.put("x", b"second") is False
        assert backend.read("x") == b"first"

    def test_a_file_is_put(self, backend: Backend, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"z" * 9_000_000)
        assert backend.put_file("packs/big", tmp_path / "file") is True
        assert backend.put_file("packs/big", tmp_path / "file") is False
        assert backend.read("packs/big") == b"z" * 9_000_000

    def test_what_is_absent_is_said(self, backend: Backend) -> None:
        assert backend.size("packs/x") is None
        assert backend.delete("packs/x") is False
        assert list(backend.list("packs/")) == []
        with pytest.raises(NotFoundError):
            backend.read("packs/x")

    def test_deleting_lets_the_name_be_given_again(self, backend: Backend) -> None:
        backend.put("x", b"first")
        assert backend.delete("x") is True
        assert backend.size("x") is None
        assert backend.put("x", b"second") is True

    def test_listing_is_sorted_complete_and_by_prefix(self, backend: Backend) -> None:
        names = ["index/a", "packs/aa/1", "packs/ab/2", "packs/ab/3", "packs-2"]
        for name in reversed(names):
            backend.put(name, name.encode())
        assert list(backend.list()) == sorted((n, len(n)) for n in names)
        assert [n for n, _ in backend.list("packs/ab/")] == ["packs/ab/2", "packs/ab/3"]
        assert [n for n, _ in backend.list("packs")] == [
            "packs-2",
            "packs/aa/1",
            "packs/ab/2",
            "packs/ab/3",
        ]

    @pytest.mark.parametrize("name", ["", "/x", "../x", "a/../b", "a//b", "A", "x/", ".x", "a\n"])
    def test_names_that_not_every_place_can_hold_are_refused(
        self, backend: Backend, name: str
    ) -> None:
        for call in (backend.read, backend.size, backend.delete):
            with pytest.raises(UsageError):
                call(name)
        with pytest.raises(UsageError):
            backend.put(name, b"")
        assert list(backend.list()) == []

    def test_of_many_that_put_one_name_at_once_one_wins(self, backend: Backend) -> None:
        won: list[bytes] = []

        def put(content: bytes) -> None:
            if backend.put("packs/x", content):
                won.append(content)

        threads = [threading.Thread(target=put, args=(b"%d" % n * 1000,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert backend.read("packs/x") == won[0]
