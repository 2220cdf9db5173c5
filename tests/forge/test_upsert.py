"""Jobs that write at once, step by step: what each interleaving leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.forge.github import ACTIONS_AUTHOR
from jupyter_mlops.forge.protocol import Thread
from jupyter_mlops.forge.sections import format_comment, make_section, parse_comment
from jupyter_mlops.forge.upsert import JOBS_SHARE, Pace, upsert_comment
from tests.forge.conftest import drive_github
from tests.support.forges.github import GitHubSite
from tests.support.forges.site import HEAD, OTHER, OWN, Asked, Reply

PULL = Thread(7, HEAD)


def _pace(sleep: Callable[[float], None] = lambda _: None) -> Pace:
    return Pace(settle_seconds=3.0, jitter=lambda: 0.0, sleep=sleep)


def _jobs(site: GitHubSite) -> dict[str, str]:
    [body] = site.written(7, OWN)
    return {job: section.text for job, section in parse_comment(body, "comment").items()}


def _upsert_twice(site: GitHubSite) -> None:
    def upsert(text: str) -> None:
        upsert_comment(drive_github(site), PULL, name="train", compose=lambda _: text, pace=_pace())

    upsert("first")
    upsert("second")


def _comment(*jobs: str) -> str:
    sections = [make_section(job, HEAD, f"of {job}") for job in jobs]
    return format_comment("train", sections, "comment")


def test_a_job_that_was_written_over_writes_again(github: GitHubSite) -> None:
    """Another job had read before this one wrote, and writes while this one waits."""
    github.open_pull(7)
    slept: list[float] = []

    def other_writes(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            github.comments[0].body = _comment("macos")

    upsert_comment(
        drive_github(github),
        PULL,
        name="train",
        compose=lambda _: "of linux",
        job="linux",
        pace=_pace(other_writes),
    )
    assert _jobs(github) == {"linux": "of linux", "macos": "of macos"}
    assert slept[0] >= 3.0


def test_jobs_that_both_begin_a_comment_end_with_one(github: GitHubSite) -> None:
    github.open_pull(7)
    state = {"begun": False}

    def other_begins(asked: Asked) -> Reply | None:
        if asked.method == "POST" and not state["begun"]:
            state["begun"] = True
            github.comment_as(OWN, 7, _comment("macos"))
        return None

    github.fault = other_begins
    done = upsert_comment(
        drive_github(github), PULL, name="train", compose=lambda _: "x", job="linux", pace=_pace()
    )
    assert _jobs(github) == {"linux": "x", "macos": "of macos"}
    assert str(github.comments[0].id) == done.comment
    assert not done.created


def test_without_a_job_the_last_one_wins_and_nobody_fights(github: GitHubSite) -> None:
    github.open_pull(7)

    def other_writes(asked: Asked) -> Reply | None:
        if asked.method == "GET" and github.comments:
            github.comments[0].body = _comment("")
        return None

    github.fault = other_writes
    done = upsert_comment(
        drive_github(github), PULL, name="train", compose=lambda _: "mine", pace=_pace()
    )
    assert done.writes == 1
    assert _jobs(github) == {"": "of "}


def test_a_job_that_never_stands_gives_up(github: GitHubSite) -> None:
    github.open_pull(7)

    def over(_: float) -> None:
        github.comments[0].body = _comment("macos")

    with pytest.raises(ConflictError) as caught:
        upsert_comment(
            drive_github(github),
            PULL,
            name="train",
            compose=lambda _: "x",
            job="linux",
            pace=_pace(over),
        )
    assert caught.value.code == "report-contended"


def test_actions_may_not_ask_who_they_are(github: GitHubSite) -> None:
    github.open_pull(7)
    github.user, github.author = None, int(ACTIONS_AUTHOR)
    _upsert_twice(github)
    [body] = github.written(7)
    assert "second" in body


def test_an_app_finds_its_comment_though_it_cannot_know_its_author(github: GitHubSite) -> None:
    github.open_pull(7)
    github.user, github.author = None, 9_000_001
    github.comment_as(OTHER, 7, _comment(""))
    _upsert_twice(github)
    [body] = github.written(7, 9_000_001)
    assert "second" in body


def test_each_job_gets_its_share_and_a_full_comment_is_told(github: GitHubSite) -> None:
    github.open_pull(7)
    forge = drive_github(github)
    rooms: list[int] = []

    def compose(room: int) -> str:
        rooms.append(room)
        return "x" * room

    with pytest.raises(ConflictError) as caught:
        for number in range(JOBS_SHARE + 2):
            upsert_comment(
                forge, PULL, name="train", compose=compose, job=f"job {number}", pace=_pace()
            )
    assert caught.value.code == "report-full"
    assert max(rooms) <= forge.most_characters // JOBS_SHARE
    assert len(github.written(7)[0]) <= forge.most_characters
    assert len(_jobs(github)) >= JOBS_SHARE - 1
