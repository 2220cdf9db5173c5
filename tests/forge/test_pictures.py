"""Images on their way into a comment, on each forge."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_mlops.document import Image, make_image
from jupyter_mlops.document.render_markdown import Shown, render_image
from jupyter_mlops.errors import UnsupportedError
from jupyter_mlops.forge.context import Context
from jupyter_mlops.forge.fit import Part
from jupyter_mlops.forge.pictures import PICTURES_LIMIT, Body, place_pictures
from jupyter_mlops.forge.post import Posted, post_report
from jupyter_mlops.forge.protocol import Forge, Thread
from tests.forge.conftest import FAST, KINDS, Kind, drive_github
from tests.support.forges.github import GitHubSite
from tests.support.forges.site import HEAD, OTHER, OWN, Asked, Reply, Site
from tests.support.images import make_png

PULL = Thread(7, HEAD)
SVG = make_image("curve", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"/>')


def png(number: int, size_bytes: int = 0) -> Image:
    return make_image(f"plot {number}", "image/png", make_png(number, size_bytes))


def body_of(*images: Image, text: str = "acc 0.91") -> Body:
    """Return a body of one part an image, after a text."""

    def make_parts(shown: Shown) -> list[Part]:
        parts = [Part((text,), 100)]
        for at, one in enumerate(images):
            parts.append(Part((render_image(one, shown), f"image {at}"), 50 - at))
        return parts

    return Body(make_parts, lambda diagrams: images)


def post(forge: Forge, body: Body) -> Posted:
    context = Context(system="no CI", pull_request=7, commit=HEAD)
    return post_report(forge, context, body, name="train")


def uploads(site: Site) -> list[Asked]:
    """Return the requests that carried images."""
    return [asked for asked in site.asked if is_upload(asked)]


def is_upload(asked: Asked) -> bool:
    places = ("/git/blobs", "/uploads", "/downloads", "/assets", "/attachments/")
    return asked.method == "POST" and any(place in asked.path for place in places)


def test_a_repeated_post_sends_no_image_again(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    first = post(forge, body_of(png(1), png(2)))
    assert (first.pictures, first.sent, first.missing) == (2, 2, ())
    [written] = site.written(7, OWN)
    assert all(f"![plot {n}](" in written for n in (1, 2))
    count = len(uploads(site))
    again = post(forge, body_of(png(1), png(2)))
    assert (again.pictures, again.sent, again.writes) == (2, 0, 0)
    assert len(uploads(site)) == count


def test_only_the_image_that_changed_is_sent(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    post(forge, body_of(png(1), png(2)))
    count = len(uploads(site))
    changed = post(forge, body_of(png(1), png(3)))
    assert (changed.pictures, changed.sent, changed.writes) == (2, 1, 1)
    assert len(uploads(site)) == count + 1
    [written] = site.written(7, OWN)
    assert png(1).name in written and png(3).name in written and png(2).name not in written


def test_every_url_shows_what_was_sent(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    placed = place_pictures(forge, PULL, body_of(png(1)), name="train", most_characters=9_000)
    [url] = placed.shown.urls.values()
    assert url.startswith(site.url)
    kept = [*site.uploads.values(), *getattr(site, "objects", {}).values()]
    assert any(isinstance(one, bytes) and png(1).content in one for one in kept)


def test_svg_or_a_word_that_the_forge_shows_none(kind: Kind, site: Site, forge: Forge) -> None:
    site.open_pull(7)
    posted = post(forge, body_of(SVG))
    [written] = site.written(7, OWN)
    if kind.name == "azure":
        assert (posted.pictures, uploads(site)) == (0, [])
        assert "Azure DevOps shows no SVG: 1 image left out" in written
        assert "*curve*" in written
    else:
        assert f"{SVG.name}" in written and posted.pictures == 1


def test_a_forge_that_refuses_images_gets_the_report_without(site: Site, forge: Forge) -> None:
    site.open_pull(7)
    site.fault = lambda asked: Reply(403, {"message": "no"}) if is_upload(asked) else None
    posted = post(forge, body_of(png(1)))
    assert (posted.pictures, posted.sent) == (0, 0)
    [written] = site.written(7, OWN)
    assert "acc 0.91" in written and "*plot 1*" in written
    assert "Images are not shown" in written and "](" not in written.replace("[//]: # (", "")
    site.fault = None
    assert post(forge, body_of(png(1))).pictures == 1


@pytest.mark.parametrize(
    "kind",
    [one for one in KINDS if one.name in ("gitea", "gitlab")],
    indirect=True,
    ids=lambda kind: kind.name,
)
@pytest.mark.parametrize(
    "answer",
    [
        {"browser_download_url": "javascript:alert(1)", "url": "/elsewhere"},
        {"browser_download_url": "https://x/a b) ![](http://evil", "full_path": "/x) ![](y"},
        b"<html>Sign in</html>",
    ],
)
def test_an_answer_that_is_no_address_is_never_written(
    site: Site, forge: Forge, answer: Any
) -> None:
    site.open_pull(7)
    site.fault = lambda asked: Reply(201, answer) if is_upload(asked) else None
    posted = post(forge, body_of(png(1)))
    assert posted.pictures == 0
    [written] = site.written(7, OWN)
    assert "Images are not shown" in written
    assert "evil" not in written and "javascript" not in written and "![](" not in written


def test_addresses_that_others_wrote_are_not_taken(github: GitHubSite) -> None:
    github.open_pull(7)
    forge = drive_github(github)
    post(forge, body_of(png(1)))
    [ours] = github.comments
    forged = ours.body.replace(f"{github.url}/team", "https://evil.example/team")
    github.comments.clear()
    github.comment_as(OTHER, 7, forged)
    post(forge, body_of(png(1)))
    [written] = github.written(7, OWN)
    assert "evil" not in written
    assert png(1).name in written


def test_as_many_as_a_comment_may_show(github: GitHubSite) -> None:
    github.open_pull(7)
    images = [png(n) for n in range(PICTURES_LIMIT + 6)]
    posted = post(drive_github(github), body_of(*images))
    assert posted.pictures == PICTURES_LIMIT
    [written] = github.written(7, OWN)
    assert "6 more images left out" in written
    assert written.count("![plot") == PICTURES_LIMIT
    assert written.count("*plot") == 6
    commits = [asked for asked in github.asked if asked.path.endswith("/git/commits")]
    assert len(commits) == 1


def test_no_more_bytes_than_a_comment_may_show(github: GitHubSite) -> None:
    github.open_pull(7)
    images = [png(n, 4_000_000) for n in range(6)]
    posted = post(drive_github(github), body_of(*images))
    assert posted.pictures == 4
    assert sum(len(asked.body) for asked in uploads(github)) < 24_000_000


def test_what_does_not_fit_is_not_sent(github: GitHubSite) -> None:
    github.open_pull(7)
    images = [png(n) for n in range(4)]
    posted = post(drive_github(github), body_of(*images, text="x" * 59_500))
    assert 0 < posted.pictures < 4
    assert len(uploads(github)) == posted.pictures


def test_two_jobs_that_send_at_once_keep_both(github: GitHubSite) -> None:
    forge, other = drive_github(github), drive_github(github)
    forge.upload_pictures(PULL, {png(0).name: png(0).content})
    raced: list[dict[str, str]] = []

    def race(asked: Asked) -> Reply | None:
        if asked.method == "PATCH" and not raced:
            raced.append({})
            raced[0] |= other.upload_pictures(PULL, {png(2).name: png(2).content})
        return None

    github.fault = race
    mine = forge.upload_pictures(PULL, {png(1).name: png(1).content})
    [tip] = github.refs.values()
    assert tip in mine[png(1).name]
    tree = github.objects[github.objects[tip]["tree"]]
    assert tree.keys() == {png(n).name for n in range(3)}


def test_a_commit_has_no_place_for_images_on_some(kind: Kind, site: Site) -> None:
    forge = kind.drive(site, FAST)
    thread = Thread(None, HEAD)
    images = {png(1).name: png(1).content}
    if kind.name in ("azure", "gitea"):
        with pytest.raises(UnsupportedError):
            forge.upload_pictures(thread, images)
    else:
        assert forge.upload_pictures(thread, images)
