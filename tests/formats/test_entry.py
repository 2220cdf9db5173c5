from __future__ import annotations

import pytest

from jupyter_mlops.formats.entry import MAX_LINK_BYTES, MAX_SIZE_BYTES, Entry, Mode, check_entry
from jupyter_mlops.ids import Hash

HASH = Hash(bytes(32))


@pytest.mark.parametrize(
    "entry",
    [
        Entry(Mode.FILE, HASH, 0),
        Entry(Mode.EXECUTABLE, HASH, MAX_SIZE_BYTES),
        Entry(Mode.SYMLINK, HASH, 1),
        Entry(Mode.SYMLINK, HASH, MAX_LINK_BYTES),
        Entry(Mode.FOLDER, HASH, 0),
    ],
)
def test_sizes_that_fit_their_mode_pass(entry: Entry) -> None:
    check_entry(entry)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry(Mode.FILE, HASH, -1), "its size -1 is not between 0 and 2**63 - 1"),
        (Entry(Mode.FILE, HASH, 2**63), f"its size {2**63} is not between 0 and 2**63 - 1"),
        (Entry(Mode.FOLDER, HASH, 1), "a folder's size is 0"),
        (Entry(Mode.SYMLINK, HASH, 0), "a link's target has between 1 and 4095 bytes"),
        (Entry(Mode.SYMLINK, HASH, 4096), "a link's target has between 1 and 4095 bytes"),
        (Entry(Mode.FILE, Hash(b"short"), 1), "its hash has 5 bytes, not 32"),
    ],
)
def test_others_are_refused_with_the_reason(entry: Entry, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_entry(entry)
    assert str(caught.value) == reason
