"""Which projects have pushed to a remote: a collection for one must not take what others need."""

from __future__ import annotations

from jupyter_mlops.errors import ConflictError
from jupyter_mlops.git.published import list_first_commits
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import peel_to_commits
from jupyter_mlops.sync.listing import project_object
from jupyter_mlops.sync.remote import Remote


def register_project(git: Repository, remote: Remote) -> None:
    """Let the remote tell that this project has pushed to it, unless it does already.

    Raises:
        UnavailableError: it cannot be written.
    """
    if peel_to_commits(git, remote.listing.projects):
        return
    for commit in list_first_commits(git):
        remote.prepare()
        remote.backend.put_new(project_object(commit), b"")


def require_sole_project(git: Repository, remote: Remote) -> None:
    """Let pass if no other project has pushed to the remote.

    Raises:
        ConflictError: one has (code ``remote-shared``).
    """
    others = remote.listing.projects - peel_to_commits(git, remote.listing.projects).keys()
    if others:
        name = project_object(min(others))
        raise ConflictError(
            f"Nothing was collected: another project has pushed to {remote.place} as well, and what"
            " it needs is not known here.",
            code="remote-shared",
            hints=(f"Where that project is gone for good, delete the object {name}.",),
        )
