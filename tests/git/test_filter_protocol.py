from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path

import pytest

from jupyter_mlops.errors import ConflictError, MlopsError, UnsupportedError, UsageError
from jupyter_mlops.git.filter_protocol import MAX_PAYLOAD_BYTES, serve
from tests.support.project import Project

HANDSHAKE = b"0016git-filter-client\n000eversion=2\n0000"
OFFER = b"0015capability=clean\n0016capability=smudge\n0015capability=delay\n0000"

SERVER = """
import sys
from jupyter_mlops.errors import ConflictError
from jupyter_mlops.git.filter_protocol import serve

def clean(path, content):
    if path == "refused.txt":
        raise ConflictError("no")
    return content.upper()

serve(
    sys.stdin.buffer, sys.stdout.buffer, clean=clean,
    smudge=lambda path, content: content.lower(),
    report=lambda path, error: print(path, error, file=sys.stderr),
)
"""


def packet(payload: bytes) -> bytes:
    return b"%04x" % (len(payload) + 4) + payload


def request(command: str, path: str, content: bytes) -> bytes:
    header = packet(f"command={command}\n".encode()) + packet(f"pathname={path}\n".encode())
    parts = [
        packet(content[start : start + MAX_PAYLOAD_BYTES])
        for start in range(0, len(content), MAX_PAYLOAD_BYTES)
    ]
    return header + b"0000" + b"".join(parts) + b"0000"


def answer(requests: bytes, reported: list[tuple[str, str]] | None = None) -> bytes:
    def refuse(path: str, content: bytes) -> bytes:
        raise ConflictError(f"{path} is refused.")

    def report(path: str, error: MlopsError) -> None:
        if reported is not None:
            reported.append((path, error.message))

    replies = io.BytesIO()
    serve(
        io.BytesIO(requests),
        replies,
        clean=lambda path, content: content.upper(),
        smudge=refuse,
        report=report,
    )
    return replies.getvalue()


WELCOME = b"0016git-filter-server\n000eversion=2\n0000"
ABILITIES = b"0015capability=clean\n0016capability=smudge\n0000"


def test_answers_are_the_protocols_bytes() -> None:
    got = answer(HANDSHAKE + OFFER + request("clean", "a b.txt", b"text"))
    assert got == WELCOME + ABILITIES + b"0013status=success\n0000" + b"0008TEXT0000" + b"0000"


def test_content_of_many_packets_comes_back_whole() -> None:
    content = b"x" * (2 * MAX_PAYLOAD_BYTES + 1)
    got = answer(HANDSHAKE + OFFER + request("clean", "a", content))
    assert got.count(b"X") == len(content)
    assert got.count(b"fff0" + b"X") == 2


def test_empty_content_is_an_empty_list() -> None:
    got = answer(HANDSHAKE + OFFER + request("clean", "a", b""))
    assert got.endswith(b"0013status=success\n0000" + b"0000" + b"0000")


def test_one_refused_file_keeps_the_process() -> None:
    reported: list[tuple[str, str]] = []
    got = answer(
        HANDSHAKE + OFFER + request("smudge", "é", b"a") + request("clean", "b", b"b"), reported
    )
    assert got.endswith(b"0011status=error\n00000013status=success\n00000005B00000000")
    assert reported == [("é", "é is refused.")]


def test_an_unknown_command_is_an_error_of_that_file() -> None:
    got = answer(HANDSHAKE + OFFER + request("list_available_blobs", "", b""))
    assert got.endswith(b"0011status=error\n0000")


@pytest.mark.parametrize("length", range(len(HANDSHAKE + OFFER) + 20))
def test_git_that_goes_away_is_no_error(length: int) -> None:
    answer((HANDSHAKE + OFFER + request("clean", "a", b"text"))[:length])


def test_another_version_is_refused() -> None:
    with pytest.raises(UnsupportedError):
        answer(packet(b"git-filter-client\n") + packet(b"version=3\n") + b"0000")
    with pytest.raises(UnsupportedError):
        answer(HANDSHAKE + packet(b"capability=clean\n") + b"0000")


@pytest.mark.parametrize("noise", [b"hello world", b"0003", b"ffff", b"-001", b"    "])
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(UsageError):
        answer(noise)


def test_git_itself_is_content(project: Project, tmp_path: Path) -> None:
    server = tmp_path / "server.py"
    server.write_text(SERVER)
    command = shlex.join([sys.executable, str(server)])
    project.git("config", "filter.case.process", command)
    project.git("config", "filter.case.required", "true")
    project.write(".gitattributes", "*.txt filter=case\n")
    names = ["a.txt", "näme with space.txt", "line\nfeed.txt", "empty.txt"]
    for name in names:
        project.write(name, "" if name == "empty.txt" else f"Text {'y' * 100_000}\n")
    project.commit("Text")
    assert project.git("show", "HEAD:a.txt").startswith("TEXT Y")
    for name in names:
        (project.root / name).unlink()
    project.git("checkout", "--", ".")
    assert project.read("line\nfeed.txt") == b"text " + b"y" * 100_000 + b"\n"
    assert project.git("status", "--porcelain") == ""
    project.write("refused.txt", "no")
    project.git("add", "refused.txt", check=False)
    assert project.git("status", "--porcelain") == "?? refused.txt\n"
