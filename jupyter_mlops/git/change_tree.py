"""A tree like another one but for some files."""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_mlops.git.index_file import open_private_index
from jupyter_mlops.git.process import NO_HOOKS, encode_names, run_git
from jupyter_mlops.git.repository import Repository


def change_tree(repo: Repository, tree: str, changes: Mapping[str, bytes | None]) -> str:
    """Write the tree that ``tree`` is with ``changes`` made; return its full id.

    It becomes durable with the reference that is made to it.

    Args:
        repo: the repository.
        tree: the full id of a tree or commit.
        changes: the new bytes of files by path; None takes a file out.
    """
    rows = []
    for path, content in changes.items():
        if content is None:
            rows.append(f"0 {repo.null_oid}\t{path}")
            continue
        write = ("hash-object", "-w", "--no-filters", "--stdin")
        oid = run_git(repo, *write, input=content, durable="objects").decode("ascii").strip()
        rows.append(f"100644 {oid} 0\t{path}")
    with open_private_index(repo, empty=True) as private:
        env = {"GIT_INDEX_FILE": str(private)}
        run_git(repo, *NO_HOOKS, "read-tree", tree, env=env)
        change = (*NO_HOOKS, "update-index", "-z", "--index-info")
        run_git(repo, *change, input=encode_names(rows), env=env)
        return run_git(repo, "write-tree", env=env, durable="objects").decode("ascii").strip()
