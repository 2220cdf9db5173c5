"""How images come into a comment: what the forge draws itself, then what it keeps privately.

Nothing goes anywhere but to the forge. Where it has no place for images, or the token may not use
it, their words or their text stand in their place, and one line says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from jupyter_mlops.document import Image
from jupyter_mlops.document.render_markdown import Shown, escape_markdown
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.forge import failures
from jupyter_mlops.forge.fit import Part, fit_parts
from jupyter_mlops.forge.protocol import Forge, Thread
from jupyter_mlops.forge.sections import is_report
from jupyter_mlops.units import format_bytes, plural

PICTURES_LIMIT = 24
"""How many images a comment shows."""

PICTURES_LIMIT_BYTES = 16 * 1024**2
"""How large they are together."""

_URL_CHARACTERS = 200
_KNOWN = re.compile(r"\]\((?P<url>[^\s()]*?(?P<name>mlops-[0-9a-f]{32}\.[a-z]+)[^\s()]*)\)")
_URL = re.compile(r"(?:https?://|\.\./)[\x21\x23-\x27\x2a-\x3b\x3d\x3f-\x5b\x5d-\x7e]+")
_NOTE_PRIORITY = 15


@dataclass(frozen=True, slots=True)
class Body:
    """What a report says, before it is known what its place can show.

    ``make_parts`` says it for what can be shown. ``list_images`` gives all images that it may
    show, the most important first; called with True, without those that Mermaid can draw.
    """

    make_parts: Callable[[Shown], Sequence[Part]]
    list_images: Callable[[bool], Sequence[Image]] = field(default=lambda diagrams: ())


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of images: what is shown, how many were sent now, and what is not shown, why."""

    shown: Shown
    sent: int = 0
    why: tuple[str, ...] = ()


def place_pictures(
    forge: Forge, thread: Thread, body: Body, *, name: str, most_characters: int
) -> Placed:
    """Keep the images of ``body`` that the comment will show, each content once.

    What the report's own comment shows already is not sent again. An error of the forge is no error
    of the report: its images are left out, and ``why`` says so.
    """
    images = body.list_images(forge.draws_diagrams)
    chosen, why = choose_images(images, shows_svg=forge.shows_svg, place=forge.name)
    if not chosen:
        return Placed(Shown({}, forge.draws_diagrams), why=why)
    chosen = _keep_fitting(body, chosen, forge.draws_diagrams, most_characters)
    urls: dict[str, str] = {}
    sent: dict[str, bytes] = {}
    try:
        urls = _find_known(forge, thread, name, {one.name for one in chosen})
        sent = {one.name: one.content for one in chosen if one.name not in urls}
        if sent:
            urls |= _checked(forge, forge.upload_pictures(thread, sent), sent)
    except MlopsError as error:
        why = (*why, " ".join([f"Images are not shown: {error.message}", *error.hints[:1]]))
        sent = {}
    return Placed(Shown(urls, forge.draws_diagrams), len(sent), why)


def note_missing(why: Sequence[str]) -> list[Part]:
    """Return the part of a comment that says which images are not shown, and why."""
    return [Part((f"*{escape_markdown(' '.join(why))}*",), _NOTE_PRIORITY)] if why else []


def choose_images(
    images: Iterable[Image], *, shows_svg: bool, place: str
) -> tuple[list[Image], tuple[str, ...]]:
    """Return the images that a comment may show, and which others there are, in words."""
    chosen: list[Image] = []
    too_many = unfit = size_bytes = 0
    for image in images:
        if image.media_type == "image/svg+xml" and not shows_svg:
            unfit += 1
        elif len(chosen) == PICTURES_LIMIT or (
            size_bytes + len(image.content) > PICTURES_LIMIT_BYTES
        ):
            too_many += 1
        else:
            chosen.append(image)
            size_bytes += len(image.content)
    why = []
    if unfit:
        why.append(f"{place} shows no SVG: {plural(unfit, 'image')} left out.")
    if too_many:
        limit = f"{PICTURES_LIMIT} and {format_bytes(PICTURES_LIMIT_BYTES)}"
        why.append(f"{plural(too_many, 'more image')} left out: a comment shows {limit} of them.")
    return chosen, tuple(why)


def _keep_fitting(
    body: Body, images: Sequence[Image], diagrams: bool, most_characters: int
) -> list[Image]:
    """Return those that are still there once the body is short enough."""
    urls = {one.name: one.name.rjust(_URL_CHARACTERS, "/") for one in images}
    text = fit_parts(body.make_parts(Shown(urls, diagrams)), most_characters).text
    return [one for one in images if urls[one.name] in text]


def _find_known(forge: Forge, thread: Thread, name: str, wanted: set[str]) -> dict[str, str]:
    """Return the URLs of images that the report's comment shows, as its own author wrote them."""
    author = forge.find_own_author()
    return {
        found["name"]: found["url"]
        for comment in forge.iter_comments(thread)
        if comment.author == author and is_report(comment.body, name, forge.mark_style)
        for found in _KNOWN.finditer(comment.body)
        if found["name"] in wanted and _URL.fullmatch(found["url"])
    }


def _checked(forge: Forge, urls: Mapping[str, str], sent: Iterable[str]) -> dict[str, str]:
    """Return those URLs that can stand in Markdown and name what was sent."""
    for name in sent:
        url = urls.get(name, "")
        if not _URL.fullmatch(url) or name not in url:
            raise failures.foreign_answer(forge.name, "an upload without an address")
    return dict(urls)
