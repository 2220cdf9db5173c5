"""All workloads of the benchmarks come back version by version, from either kind of pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.objects.plain import LEAST_BYTES
from tests.benchmarks.verify import verify
from tests.benchmarks.workloads import Sizes
from tests.support.disks import Kind, make_disk

SIZES = Sizes(
    small_files_count=200,
    big_file_bytes=LEAST_BYTES,
    code_files_count=0,
    many_files_count=0,
    notebooks_count=0,
)
VERSIONS_COUNT = 4
"""One for each way in which data changes."""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "packs"), [("ext4", {".pack"}), ("xfs", {".pack", ".plain"})])
def test_every_version_comes_back(kind: Kind, packs: set[str], tmp_path: Path) -> None:
    with make_disk(kind, tmp_path) as disk:
        store = verify(disk.folder, SIZES, VERSIONS_COUNT)
        found = {path.suffix for path in (store / "packs").rglob("*") if path.is_file()}
    assert found == packs
