"""What a killed put leaves behind is cleared by the next one, and nothing else is."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.support.sites import Kind, Sites

DAY_SECONDS = 24 * 3600


def _leave(path: Path, age_seconds: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o777)
    path.write_bytes(b"half")
    then = time.time() - age_seconds
    os.utime(path, (then, then))
    return path


@pytest.mark.parametrize("kind", ["ssh", "webdav"])
def test_what_was_not_written_for_a_day_is_cleared(sites: Sites, kind: Kind) -> None:
    site = sites.make(kind)
    assert site.folder is not None
    old = _leave(site.folder / "tmp/old", DAY_SECONDS + 60)
    new = _leave(site.folder / "tmp/new", DAY_SECONDS - 600)
    with site.open() as backend:
        assert list(backend.iter_objects()) == []
        assert old.exists()  # who only reads changes nothing
        backend.put("object", b"x")
        assert not old.exists()
        assert new.exists()
        assert [found.name for found in backend.iter_objects()] == ["object"]
    assert list((site.folder / "tmp").iterdir()) == [new]


def test_in_a_folder_what_is_dead_is_cleared_by_its_process(sites: Sites) -> None:
    site = sites.make("file")
    assert site.folder is not None
    dead = _leave(site.folder / "tmp/.mlops-tmp-0123", 0)
    with site.open() as backend:
        backend.put("object", b"x")
    assert not dead.exists()
    assert list((site.folder / "tmp").iterdir()) == []
