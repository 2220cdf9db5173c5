"""Which branches' first-parent lines hold a commit."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from jupyter_mlops.git.process import run_git
from jupyter_mlops.git.repository import Repository


def first_parent_branches(
    repo: Repository, branches: Mapping[str, str], commits: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Return, for each of ``commits``, the branches whose first-parent line holds it.

    Args:
        repo: the repository.
        branches: the tips by branch.
        commits: full ids.
    """
    lines: dict[str, list[str]] = {commit: [] for commit in commits}
    if not branches or not commits:
        return {commit: () for commit in commits}
    printed = run_git(
        repo,
        *("rev-list", "--parents", "--stdin"),
        input="".join(f"{tip}\n" for tip in set(branches.values())).encode("ascii"),
    )
    first_parents: dict[str, str | None] = {}
    for row in printed.decode("ascii").splitlines():
        commit, *parents = row.split(" ")
        first_parents[commit] = parents[0] if parents else None
    for branch, tip in branches.items():
        at: str | None = tip
        while at is not None:
            if at in lines:
                lines[at].append(branch)
            at = first_parents.get(at)
    return {commit: tuple(sorted(found)) for commit, found in lines.items()}
