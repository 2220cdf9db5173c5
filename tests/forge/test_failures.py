"""What a forge can do to a request, and that the token is in nothing that is told of it."""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jupyter_mlops.errors import MlopsError, UnavailableError, UsageError
from jupyter_mlops.forge.client import Timing
from jupyter_mlops.forge.protocol import Forge, Status, Thread
from jupyter_mlops.forge.token import Token
from jupyter_mlops.forge.upsert import Pace, upsert_comment
from tests.forge.conftest import FAST, Kind, drive_github
from tests.support.forges.github import GitHubSite
from tests.support.forges.site import HEAD, OWN, TOKEN, Asked, Reply, Site, running

PULL = Thread(7, HEAD)
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def _upsert(forge: Forge) -> None:
    pace = Pace(settle_seconds=0.0)
    upsert_comment(forge, PULL, name="train", compose=lambda _: "text", pace=pace)


def _always(reply: Reply) -> Any:
    return lambda asked: reply


@pytest.fixture(autouse=True)
def no_token_in_any_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test does, no library logs the token, not even at its most talkative."""
    caplog.set_level(logging.DEBUG)
    yield
    assert TOKEN not in caplog.text


def _refusal(site: Site, forge: Forge) -> MlopsError:
    """Return the error of an upsert, after looking for the token in all that shows it."""
    with pytest.raises(MlopsError) as caught:
        _upsert(forge)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(told.format()) + repr(vars(caught.value))
    assert TOKEN not in shown
    return caught.value


@pytest.mark.parametrize("status", [401])
def test_expired_token(kind: Kind, site: Site, status: int) -> None:
    site.open_pull(7)
    site.fault = lambda asked: site.not_allowed()
    error = _refusal(site, kind.drive(site, FAST))
    assert error.code == "forge-token-refused"
    assert "MLOPS_FORGE_TOKEN" in error.message


def test_read_only_token_is_told_the_permission(github: GitHubSite) -> None:
    github.open_pull(7)
    github.refused = {"comment", "status"}
    error = _refusal(github, drive_github(github))
    assert error.code == "forge-permission-missing"
    assert "write comments" in error.message
    assert "pull_requests=write" in error.message
    assert "permissions: pull-requests: write" in error.hints[0]
    with pytest.raises(UnavailableError, match="may not set a status") as caught:
        drive_github(github).set_status(PULL, Status("gates", "success", "kept"))
    assert "statuses: write" in caught.value.hints[0]


def test_every_forge_says_how_a_permission_is_given(kind: Kind, site: Site) -> None:
    site.open_pull(7)
    refusal = Reply(403, {"message": f"insufficient scope for {TOKEN}"})
    site.fault = lambda asked: refusal if asked.method == "POST" else None
    error = _refusal(site, kind.drive(site, FAST))
    assert error.code == "forge-permission-missing"
    assert "insufficient scope for ***" in error.message
    assert any(word in error.hints[0] for word in ("permission", "scope", "allow"))


def test_a_rate_limit_far_away_is_told_with_its_date(github: GitHubSite) -> None:
    slept: list[float] = []
    timing = Timing(backoff_seconds=0, sleep=slept.append, now=lambda: NOW)
    reset = str(int((NOW + timedelta(minutes=40)).timestamp()))
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    github.fault = _always(Reply(403, {"message": "API rate limit exceeded"}, headers))
    error = _refusal(github, drive_github(github, timing))
    assert error.code == "forge-rate-limited"
    assert "until 2026-11-26 12:40:00 UTC" in error.message
    assert slept == []


@pytest.mark.parametrize("header", ["seconds", "date", "reset"])
def test_a_rate_limit_that_ends_soon_is_waited_for(github: GitHubSite, header: str) -> None:
    slept: list[float] = []
    timing = Timing(backoff_seconds=0, sleep=slept.append, now=lambda: NOW)
    headers = {
        "seconds": {"Retry-After": "20"},
        "date": {"Retry-After": "Thu, 26 Nov 2026 12:00:20 GMT"},
        "reset": {
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(NOW.timestamp()) + 20),
        },
    }[header]
    refusals = iter([Reply(429, {"message": "slow down"}, headers)])
    github.fault = lambda asked: next(refusals, None)
    _upsert(drive_github(github, timing))
    assert slept == [21.0]
    assert len(github.written(7, OWN)) == 1


def test_failures_that_pass_are_tried_again(kind: Kind, site: Site) -> None:
    site.open_pull(7)
    seen: Counter[str] = Counter()

    def fail_twice(asked: Asked) -> Reply | None:
        seen[asked.method] += 1
        return Reply(502) if seen[asked.method] % 3 else None

    site.fault = fail_twice
    _upsert(kind.drive(site, FAST))
    assert len(site.written(7, OWN)) == 1


def test_a_comment_that_was_written_though_the_answer_failed_is_not_written_twice(
    kind: Kind, site: Site
) -> None:
    site.open_pull(7)
    once = iter([True])

    def fail_after(asked: Asked) -> Reply | None:
        if asked.method == "POST" and next(once, False):
            site.fault = None
            site.answer(asked)
            site.fault = fail_after
            return Reply(504)
        return None

    site.fault = fail_after
    _upsert(kind.drive(site, FAST))
    assert len(site.written(7, OWN)) == 1


def test_failures_that_stay_are_told(github: GitHubSite) -> None:
    github.fault = _always(Reply(503))
    error = _refusal(github, drive_github(github))
    assert error.code == "forge-busy"
    assert len(github.asked) <= 20


def test_a_page_for_people_in_the_place_of_json(kind: Kind, site: Site) -> None:
    page = Reply(200, b"<html>Please log in</html>", {"Content-Type": "text/html"})
    site.fault = _always(page)
    error = _refusal(site, kind.drive(site, FAST))
    assert error.code == "forge-foreign-answer"
    assert "a page for people" in error.message


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":', b"null", b"7", b'"text"', b"[]"])
def test_answers_that_make_no_sense_are_no_crash(kind: Kind, site: Site, body: bytes) -> None:
    site.fault = _always(Reply(200, body))
    forge = kind.drive(site, FAST)
    for call in (forge.find_own_author, lambda: forge.find_pull_request(number=7)):
        try:
            call()
        except MlopsError as error:
            assert error.code != "internal"


def test_the_token_goes_to_no_other_host(github: GitHubSite) -> None:
    with running(Site()) as elsewhere:
        elsewhere.fault = _always(Reply(200, {"id": OWN}))
        target = f"{elsewhere.url}/api/v3/user"
        github.fault = _always(Reply(302, None, {"Location": target}))
        forge = drive_github(github)
        assert forge.find_own_author() == str(OWN)
        [asked] = elsewhere.asked
        assert "authorization" not in asked.headers
        github.fault = _always(Reply(307, None, {"Location": target}))
        with pytest.raises(UnavailableError) as caught:
            forge.create_comment(PULL, "content of a private project")
        assert caught.value.code == "forge-redirected"
        assert len(elsewhere.asked) == 1


def test_pages_on_another_host_are_not_followed(github: GitHubSite) -> None:
    github.open_pull(7)
    link = {"Link": '<https://evil.example/comments>; rel="next"'}
    github.fault = lambda asked: Reply(200, [], link) if "comments" in asked.path else None
    error = _refusal(github, drive_github(github))
    assert "pages of evil.example" in error.message


def test_a_renamed_repository_is_followed_on_the_same_host(github: GitHubSite) -> None:
    github.open_pull(7)

    def renamed(asked: Asked) -> Reply | None:
        if "/old/" not in asked.path:
            return None
        return Reply(307, None, {"Location": asked.path.replace("/old/", "/team/")})

    github.fault = renamed
    forge = type(drive_github(github))(
        github.url, "old/project", Token(TOKEN, "GITHUB_TOKEN"), timing=FAST
    )
    forge.create_comment(PULL, "text")
    assert github.written(7) == ["text"]


def test_netrc_takes_no_part(
    github: GitHubSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert drive_github(github).find_own_author() == str(OWN)


def test_no_connection() -> None:
    with running(GitHubSite()) as site:
        forge = drive_github(site)
    with pytest.raises(UnavailableError) as caught:
        forge.find_own_author()
    assert caught.value.code == "forge-unreachable"


@pytest.mark.parametrize("value", ["two words", "line\nend x", "", "  ", "ключ"])
def test_what_cannot_be_a_token(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        Token(value, "GITHUB_TOKEN")
    assert caught.value.code == "forge-token-invalid"
    assert not value.strip() or value not in caught.value.message


def test_a_token_shows_itself_nowhere() -> None:
    token = Token(f"{TOKEN}\n", "GITHUB_TOKEN")
    assert TOKEN not in f"{token!r} {token} {[token]}"
    with pytest.raises(TypeError):
        token.__reduce__()
    assert token.hide_in(f"a {TOKEN} b {token.basic()}") == "a *** b Basic ***"
