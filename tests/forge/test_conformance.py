"""What every forge's driver does, each against a stand-in that keeps what it is told."""

from __future__ import annotations

import threading
from pathlib import Path
from random import Random
from typing import Any

import pytest

from jupyter_mlops.errors import NotFoundError, UnsupportedError
from jupyter_mlops.forge.file import FileForge
from jupyter_mlops.forge.protocol import Forge, Status, Thread
from jupyter_mlops.forge.upsert import Pace, upsert_comment
from tests.forge.conftest import FAST, Kind
from tests.support.forges.site import HEAD, OTHER, OWN, TOKEN, Site

QUICK = Pace(settle_seconds=0.0, jitter=lambda: 0.0)
PULL = Thread(7, HEAD)


def _upsert(forge: Forge, text: str, *, commit: str = HEAD, job: str = "") -> None:
    upsert_comment(
        forge, Thread(7, commit), name="train", compose=lambda _: text, job=job, pace=QUICK
    )


def test_one_comment_among_130_others(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    for number in range(130):
        site.comment_as(OTHER, 7, f"remark {number}")
    _upsert(forge, "first")
    for number in range(60):
        site.comment_as(OTHER, 7, f"later {number}")
    _upsert(forge, "second")
    ours = site.written(7, OWN)
    assert len(ours) == 1
    assert "second" in ours[0]
    assert "first" not in ours[0]
    assert len(site.written(7)) == 191


def test_no_write_where_nothing_changed(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    _upsert(forge, "the same")
    writes = [asked for asked in site.asked if asked.method != "GET"]
    _upsert(forge, "the same")
    assert [asked for asked in site.asked if asked.method != "GET"] == writes


def test_still_one_after_a_rebase(site: Site, forge: Forge) -> None:
    pull = site.open_pull(7)
    _upsert(forge, "of the old commit", job="linux")
    pull.head = "9" * 40
    _upsert(forge, "of the new commit", commit=pull.head, job="linux")
    [ours] = site.written(7, OWN)
    assert "of the new commit" in ours
    assert "of the old commit" not in ours


def test_what_others_wrote_with_our_mark_stays(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    _upsert(forge, "ours")
    [ours] = site.written(7, OWN)
    site.comments.clear()
    site.comment_as(OTHER, 7, ours)
    _upsert(forge, "ours, again")
    assert site.written(7, OTHER) == [ours]
    assert len(site.written(7, OWN)) == 1


def test_three_jobs_at_once_lose_no_section(kind: Kind, site: Site) -> None:
    site.open_pull(7)
    _upsert(kind.drive(site, FAST), "of before", job="before")
    site.write_seconds = 0.1
    pace = Pace(fresh_seconds=0.05, settle_seconds=0.3, jitter=Random(1).random)
    start = threading.Barrier(3)
    failures: list[BaseException] = []

    def run(job: str) -> None:
        try:
            start.wait()
            forge = kind.drive(site, FAST)
            upsert_comment(
                forge, PULL, name="train", compose=lambda _: f"of {job}", job=job, pace=pace
            )
        except BaseException as error:
            failures.append(error)

    jobs = ["linux", "macos", "windows --> x"]
    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    [ours] = site.written(7, OWN)
    assert all(f"of {job}" in ours for job in ["before", *jobs])


def test_duplicates_are_taken_in_and_removed(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    bodies = []
    for job in ("linux", "macos"):
        _upsert(forge, f"of {job}", job=job)
        bodies += site.written(7, OWN)
        site.comments.clear()
    for body in bodies:
        site.comment_as(OWN, 7, body)
    oldest = site.comments[0].id
    _upsert(forge, "of windows", job="windows")
    assert [comment.id for comment in site.comments] == [oldest]
    assert all(f"of {job}" in site.comments[0].body for job in ("linux", "macos", "windows"))


def test_a_comment_that_goes_meanwhile_is_written_again(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    _upsert(forge, "first")
    [ours] = [comment.id for comment in forge.iter_comments(PULL)]

    def vanish(asked: Any) -> None:
        if asked.method in ("PATCH", "PUT") and site.comments:
            site.comments.clear()

    site.fault = vanish
    _upsert(forge, "second")
    assert len(site.written(7, OWN)) == 1
    site.fault = None
    with pytest.raises(NotFoundError):
        forge.update_comment(PULL, "999999/1" if "/" in ours else "999999", "gone")


@pytest.mark.parametrize("state", ["pending", "success", "failure", "error"])
def test_status_of_each_state(site: Site, forge: Forge, state: Any) -> None:
    site.open_pull(7)
    status = Status("mlops / gates " + "long " * 20, state, "val_acc is 0.02 below", None)
    forge.set_status(PULL, status)
    [(commit, told)] = site.statuses
    assert commit == HEAD
    assert "val_acc" in told["description"]


def test_pull_request_by_number_branch_and_commit(site: Site, forge: Forge) -> None:
    site.open_pull(6, "other").head = "3" * 40
    site.open_pull(7, "topic/é")
    for found in (
        forge.find_pull_request(number=7),
        forge.find_pull_request(branch="topic/é"),
        forge.find_pull_request(commit=HEAD),
        forge.find_pull_request(branch="topic/é", commit=HEAD),
    ):
        assert found is not None
        assert (found.number, found.head_branch, found.base_branch) == (7, "topic/é", "main")
        assert HEAD.startswith(found.head_commit)
        assert found.url.startswith(site.url)
    assert forge.find_pull_request(number=99) is None
    assert forge.find_pull_request(branch="none") is None
    assert forge.find_pull_request() is None


def test_open_then_update_a_pull_request(site: Site, forge: Forge) -> None:
    made = forge.open_pull_request(head="results", base="main", title="New", body="old body")
    assert forge.find_pull_request(branch="results") == made
    forge.update_pull_request(made.number, title="Newer", body="body")
    assert (site.pulls[made.number].title, site.pulls[made.number].body) == ("Newer", "body")


def test_file_at_a_commit(site: Site, forge: Forge) -> None:
    site.files[HEAD, "metrics/a b.json"] = b'{"x": 1}'
    assert forge.read_file("metrics/a b.json", HEAD) == b'{"x": 1}'
    assert forge.read_file("metrics/none.json", HEAD) is None


def test_pictures_have_urls_on_the_forge_with_their_names(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    pictures = {f"mlops-{digit * 32}.png": b"\x89PNG " + digit.encode() for digit in "ab"}
    urls = forge.upload_pictures(PULL, pictures)
    assert list(urls) == list(pictures)
    kept = [*site.uploads.values(), *getattr(site, "objects", {}).values()]
    for name, picture in pictures.items():
        assert urls[name].startswith(site.url)
        assert name in urls[name]
        assert TOKEN not in urls[name]
        assert any(isinstance(one, bytes) and picture in one for one in kept)
    again = forge.upload_pictures(PULL, {**pictures, f"mlops-{'c' * 32}.png": b"\x89PNG c"})
    assert again.keys() > urls.keys()


def test_comments_on_a_commit_or_a_word_that_there_are_none(kind: Kind, site: Site) -> None:
    forge = kind.drive(site, FAST)
    thread = Thread(None, HEAD)

    def upsert(text: str) -> None:
        upsert_comment(forge, thread, name="train", compose=lambda _: text, pace=QUICK)

    if kind.name in ("azure", "gitea"):
        with pytest.raises(UnsupportedError):
            upsert("first")
        return
    upsert("first")
    upsert("second")
    [ours] = site.written(HEAD, OWN)
    assert "second" in ours


def test_access_is_told_without_changing_anything(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    found = forge.check_access(PULL)
    assert found
    assert all(access.allowed is not False and access.give for access in found)
    assert not site.comments
    assert not site.statuses


def test_the_token_is_in_a_header_only(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    _upsert(forge, "text")
    assert site.asked
    for asked in site.asked:
        assert TOKEN not in f"{asked.path}{asked.query}{asked.body!r}"
    assert TOKEN not in repr(vars(forge))


def test_a_folder_in_the_place_of_a_forge(folder: Path) -> None:
    forge = FileForge(folder)
    _upsert(forge, "first")
    _upsert(forge, "second")
    forge.set_status(PULL, Status("gates", "failure", "too low"))
    made = forge.open_pull_request(head="results", base="main", title="New", body="text")
    assert made.number == 8
    assert forge.find_pull_request(branch="results") == made
    [picture] = forge.upload_pictures(PULL, {"a.png": b"PNG"}).values()
    [comment] = (folder / "pull-request-7").glob("comment-*.md")
    assert "second" in comment.read_text()
    assert (folder / "pull-request-7" / picture).resolve().read_bytes() == b"PNG"
    assert '"failure"' in (folder / "pull-request-7/status-gates.json").read_text()
