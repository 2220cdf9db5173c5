from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.errors import IntegrityError
from jupyter_mlops.formats.bundle import decode_bundle_header
from jupyter_mlops.git.bundles import (
    list_missing,
    read_bundle_header,
    unbundle,
    write_bundle,
)
from jupyter_mlops.git.repository import open_repository
from tests.support.project import Project, make_project

_REF = "refs/mlops/snapshots/gaaaaaaaaaaa"


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@pytest.mark.parametrize("count", [1, 150], ids=["few", "many"])
def test_what_is_written_comes_whole_and_no_reference_with_it(
    tmp_path: Path, object_format: str, count: int
) -> None:
    there = make_project(tmp_path / "there", f"--object-format={object_format}")
    base = there.commit("First")
    here = there.clone(tmp_path / "here")
    there.git("update-ref", "refs/remotes/origin/main", base)
    for number in range(count):
        there.write(f"{number}.txt", f"{number}\n")
    kept = there.commit("Kept")
    there.git("update-ref", _REF, kept)
    repo, file = open_repository(there.root), tmp_path / "x.bundle"
    header = write_bundle(repo, _REF, "origin", file)
    assert (header.commit, header.needed) == (kept, (base,))
    assert write_bundle(repo, _REF, None, tmp_path / "whole.bundle").needed == ()

    target = open_repository(here.root)
    assert read_bundle_header(target, _REF, file, origin="x") == header
    assert list_missing(target, header) == []
    before = here.git("show-ref")
    (tmp_path / "apart").mkdir()
    unbundle(target, header, file, tmp_path / "apart", origin="x")
    assert here.git("show-ref") == before
    assert here.git("ls-tree", "-r", kept) == there.git("ls-tree", "-r", kept)
    assert here.git("fsck", "--strict", "--no-dangling") == ""


def test_a_commit_that_is_needed_and_not_here_is_named(tmp_path: Path, project: Project) -> None:
    stranger = open_repository(make_project(tmp_path / "stranger").root)
    base = project.head()
    project.git("update-ref", "refs/remotes/origin/main", base)
    project.git("update-ref", _REF, project.commit("Kept"))
    header = write_bundle(open_repository(project.root), _REF, "origin", tmp_path / "x.bundle")
    assert list_missing(stranger, header) == [base]


_ONE, _TWO = "1" * 40, "2" * 40
_PACK = b"PACK\0\0\0\2\0\0\0\7"
_GOOD = f"# v2 git bundle\n-{_TWO} Its subject\n{_ONE} {_REF}\n\n".encode() + _PACK


def test_a_header_has_one_form() -> None:
    header = decode_bundle_header(_GOOD, ref=_REF, object_format="sha1", origin="x")
    assert (header.commit, header.needed, header.objects_count) == (_ONE, (_TWO,), 7)
    assert _GOOD[header.pack_offset :] == _PACK
    for change in (
        (b"v2", b"v4"),
        (b"v2 git bundle\n", b"v3 git bundle\n@object-format=sha1\n"),
        (b"\n-", b"\n"),
        (b"\n-", b"\n--"),
        (_ONE.encode(), b"1" * 39),
        (_ONE.encode(), b"1" * 64),
        (_REF.encode(), b"HEAD"),
        (_REF.encode(), _REF.encode() + b" "),
        (b"\n\n", b"\n"),
        (b"\n\n", b"\n\n\n"),
        (b"PACK", b"pack"),
        (b"\2\0\0\0\7", b"\3\0\0\0\7"),
        (b"\0\0\0\7", b""),
        (b"Its", b"I" * (2 << 20)),
    ):
        with pytest.raises(IntegrityError) as caught:
            changed = _GOOD.replace(*change, 1)
            decode_bundle_header(changed, ref=_REF, object_format="sha1", origin="x")
        assert caught.value.code == "bundle-invalid", change
    with pytest.raises(IntegrityError):
        decode_bundle_header(_GOOD, ref=_REF, object_format="sha256", origin="x")
