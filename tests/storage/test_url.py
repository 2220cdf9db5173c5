from __future__ import annotations

import pytest

from jupyter_mlops.errors import UsageError
from jupyter_mlops.storage.url import RemoteUrl, parse_url


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/mnt/team/my data", RemoteUrl("file", "", path="/mnt/team/my data")),
        ("file:///mnt/team/my%20data", RemoteUrl("file", "", path="/mnt/team/my data")),
        ("s3://bucket", RemoteUrl("s3", "", "bucket")),
        ("s3://my.bucket-1/a/b/", RemoteUrl("s3", "", "my.bucket-1", "a/b")),
        ("gs://bucket/a", RemoteUrl("gs", "", "bucket", "a")),
        ("az://$web/a", RemoteUrl("az", "", "$web", "a")),
        ("ssh://host/srv/x", RemoteUrl("ssh", "", "host", "/srv/x")),
        ("ssh://ada@host:22/~/x", RemoteUrl("ssh", "", "host", "~/x", 22, "ada")),
        ("ssh://[::1]:22/x", RemoteUrl("ssh", "", "::1", "/x", 22)),
        ("https://host/a%20b", RemoteUrl("http", "", "host", "a b")),
        ("http://host:80", RemoteUrl("http", "", "host", "", 80, secure=False)),
        ("webdav+https://host/a", RemoteUrl("webdav", "", "host", "a")),
        ("webdav+http://host/a", RemoteUrl("webdav", "", "host", "a", secure=False)),
    ],
)
def test_what_a_url_says(text: str, wanted: RemoteUrl) -> None:
    found = parse_url(text)
    assert found == RemoteUrl(
        wanted.kind,
        text,
        wanted.host,
        wanted.path,
        wanted.port,
        wanted.user,
        wanted.secure,
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "relative/path",
        "s3:",
        "s3://",
        "s3:///prefix",
        "s3://Bucket_with capitals/",
        "s3://bucket:99/x",
        "s3://bucket/../other",
        "s3://bucket/a//b",
        "s3://bucket/a%2e%2e/../b",
        "gs://bucket/%00",
        "az://container/%ff",
        "https://host/a?sig=secret",
        "https://host/a#part",
        "https://host/a?",
        "https://ada@host/a",
        "https://ada:secret@host/a",
        "https:///path",
        "ssh://ada:secret@host/x",
        "ssh://-oProxyCommand=x/y",
        "ssh://-l@host/y",
        "ssh://host:99999/x",
        "file://host/share",
        "file://relative",
        "ftp://host/x",
        "webdav://host/x",
        "https://[::1",
    ],
)
def test_what_is_no_url_of_a_remote(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_url(text)
    assert caught.value.code == "remote-url"
    assert "secret" not in caught.value.message


def test_a_message_has_no_control_characters() -> None:
    with pytest.raises(UsageError) as caught:
        parse_url("ftp://host/\x1b[31m")
    assert "\x1b" not in caught.value.message
