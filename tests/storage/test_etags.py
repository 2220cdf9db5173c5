"""ETags as places write them."""

from __future__ import annotations

import pytest

from jupyter_mlops.storage.etags import make_etag, parse_etag


@pytest.mark.parametrize(
    ("text", "etag"),
    [
        ('"5d41402abc4b2a76b9719d911017c592"', "5d41402abc4b2a76b9719d911017c592"),
        ('W/"65a-3"', "65a-3"),
        ("0x8DC", "0x8DC"),
        ("", None),
        (None, None),
        ('""', None),
        ('"with "quotes" in it"', None),
        ('"back\\slash"', None),
        ('"line\nbreak"', None),
        (f'"{"e" * 257}"', None),
    ],
)
def test_what_is_an_etag(text: str | None, etag: str | None) -> None:
    assert parse_etag(text) == etag


def test_time_and_size_stand_for_an_etag() -> None:
    assert make_etag(255, 16) == parse_etag(make_etag(255, 16)) == "ff-10"
