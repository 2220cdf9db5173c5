"""What every forge can do for a report, and the values that go in and out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["pending", "success", "failure", "error"]
"""How a check of a commit stands: ``failure`` is a gate that does not hold, ``error`` no answer."""

MarkStyle = Literal["comment", "reference"]
"""How a line is hidden in Markdown: as an HTML comment, or as a link definition nobody uses."""

_SHORTEST = 7


@dataclass(frozen=True, slots=True)
class Thread:
    """Where comments stand: at a pull request, by its number, or else at a commit."""

    pull_request: int | None
    commit: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One pull request; GitLab says merge request.

    ``head_commit`` is the newest commit of its branch, which some forges abbreviate;
    ``base_branch`` the branch it is to be merged into; ``url`` the page that people see.
    """

    number: int
    head_commit: str
    head_branch: str
    base_branch: str
    url: str


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment: its id, opaque; who wrote it, by the forge's id; and its Markdown."""

    id: str
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class Status:
    """What is shown beside a commit: one line under a name, which replaces what stood under it."""

    name: str
    state: State
    description: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What a token was found to be allowed, or not; None where nothing short of doing it tells.

    ``what`` completes "may" (``write comments``), ``give`` says how the permission is given. Where
    a report does without the permission, ``only_for`` names what does not.
    """

    what: str
    allowed: bool | None
    give: str
    only_for: str = ""


def is_same_commit(shown: str, commit: str) -> bool:
    """Return whether ``shown``, which a forge may abbreviate, is ``commit``."""
    return len(shown) >= _SHORTEST and commit.startswith(shown)


class Forge(Protocol):
    """One repository on one forge, with a token; about ten requests, each tried again by itself.

    Every call raises what :mod:`jupyter_mlops.forge.failures` has: the token is in none of it.
    """

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def most_characters(self) -> int:
        """How long a comment may be, a little below what the forge refuses."""
        ...

    @property
    def mark_style(self) -> MarkStyle:
        """How a line is hidden in its comments."""
        ...

    @property
    def draws_diagrams(self) -> bool:
        """Whether its comments draw Mermaid."""
        ...

    @property
    def shows_svg(self) -> bool:
        """Whether its comments show SVG images, beside PNG and JPEG."""
        ...

    def find_own_author(self) -> str | None:
        """Return the id under which this token's comments stand; None where it does not tell."""
        ...

    def find_pull_request(
        self, *, number: int | None = None, branch: str | None = None, commit: str | None = None
    ) -> PullRequest | None:
        """Return the pull request of that number, else the open one of a branch or a commit.

        ``branch`` of a fork is ``OWNER:BRANCH``. None where there is none.
        """
        ...

    def iter_comments(self, thread: Thread) -> Iterator[Comment]:
        """Yield all comments, of all pages, oldest first, whoever wrote them."""
        ...

    def create_comment(self, thread: Thread, body: str) -> Comment:
        """Write a new comment."""
        ...

    def update_comment(self, thread: Thread, comment: str, body: str) -> None:
        """Write a comment anew.

        Raises:
            NotFoundError: it is there no more.
        """
        ...

    def delete_comment(self, thread: Thread, comment: str) -> None:
        """Remove a comment; nothing happens where it is gone already."""
        ...

    def set_status(self, thread: Thread, status: Status) -> None:
        """Show a status beside the thread's commit."""
        ...

    def read_file(self, path: str, commit: str) -> bytes | None:
        """Return a file as a commit has it; None where it has none."""
        ...

    def upload_pictures(self, thread: Thread, pictures: Mapping[str, bytes]) -> dict[str, str]:
        """Keep pictures where whoever may see the repository sees them; return their URLs by name.

        Names are by content: where one is there already it is the same picture, and is not sent
        again if the forge tells. A URL has the name in it.

        Raises:
            UnsupportedError: the forge has no place for them.
        """
        ...

    def open_pull_request(self, *, head: str, base: str, title: str, body: str) -> PullRequest:
        """Ask for the branch ``head`` to be merged into the branch ``base``."""
        ...

    def update_pull_request(self, number: int, *, title: str, body: str) -> None:
        """Give a pull request another title and text."""
        ...

    def check_access(self, thread: Thread | None) -> tuple[Access, ...]:
        """Return what the token may do, without changing anything that anyone sees.

        Raises:
            MlopsError: the forge does not answer, or takes the token for none at all.
        """
        ...
