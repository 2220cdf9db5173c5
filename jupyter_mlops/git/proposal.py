"""A commit of some files on top of another, made beside HEAD, the index and the working tree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jupyter_mlops.git.commits import commit_tree
from jupyter_mlops.git.index_file import open_private_index
from jupyter_mlops.git.process import NO_HOOKS, encode_names, literal, run_git
from jupyter_mlops.git.repository import Repository

_TRAILER = "Mlops-Proposal"
_LINE = re.compile(rf"^{_TRAILER}: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A commit that was made by :func:`make_proposal`, as far as it tells.

    ``name`` is None where somebody else made it; ``tree`` and ``parents`` are full ids.
    """

    commit: str
    name: str | None
    tree: str
    parents: tuple[str, ...]


def write_proposed_tree(repo: Repository, parent: str, paths: Sequence[str]) -> str:
    """Return the tree that ``parent`` has with ``paths`` as they are on disk; filters run.

    A path that is not there any more goes; ignored files are not taken along.

    Raises:
        UnavailableError: Git refuses a path.
    """
    with open_private_index(repo, empty=True) as private:
        env = {"GIT_INDEX_FILE": str(private)}
        run_git(repo, "read-tree", "--end-of-options", parent, env=env)
        run_git(
            repo,
            *(*NO_HOOKS, "add", "--all", "--sparse"),
            *("--pathspec-from-file=-", "--pathspec-file-nul"),
            input=encode_names(literal(path) for path in paths),
            env=env,
            durable="objects",
        )
        return run_git(repo, "write-tree", env=env, durable="objects").decode("ascii").strip()


def make_proposal(
    repo: Repository, parent: str, tree: str, *, name: str, title: str, when: datetime
) -> str:
    """Make a commit of ``tree`` on top of ``parent`` that says whose proposal it is; return its id.

    No reference names it yet.
    """
    return commit_tree(repo, tree, (parent,), f"{title}\n\n{_TRAILER}: {name}\n", when)


def read_proposal(repo: Repository, commit: str) -> Proposal:
    """Return what the commit ``commit``, a full id that is here, says of itself."""
    # As the object has it: a shallow clone shows no parents of it otherwise.
    raw = run_git(repo, "cat-file", "commit", commit).decode("utf-8", "replace")
    headers, _, message = raw.partition("\n\n")
    rows = [line.partition(" ")[::2] for line in headers.split("\n")]
    parents = tuple(value for key, value in rows if key == "parent")
    tree = next(value for key, value in rows if key == "tree")
    named = _LINE.search(message)
    return Proposal(commit, named[1].strip() if named else None, tree, parents)


def tree_of(repo: Repository, commit: str) -> str:
    """Return the full id of a commit's tree."""
    printed = run_git(repo, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")
    return printed.decode("ascii").strip()
