"""The command ``init``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jupyter_mlops.commands.clone import ensure_clone
from jupyter_mlops.commands.spec import PROGRAM
from jupyter_mlops.commands.workspace import Here, read_config
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.files.durable import clear_staging
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.project import default_config_text
from jupyter_mlops.git.attributes import (
    ATTRIBUTE_LINES,
    ATTRIBUTES_NAME,
    add_lines,
    read_missing_lines,
)
from jupyter_mlops.git.ignore import ignored
from jupyter_mlops.git.index_file import clear_own_lock
from jupyter_mlops.git.process import literal, run_git
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.notebooks import CHECKPOINTS_FOLDER

_IGNORE_NAME = ".gitignore"


@dataclass(frozen=True, slots=True)
class InitResult:
    """What was set up.

    ``done`` are sentences, empty when everything stood; ``to_commit`` the files that Git does not
    have as they are; ``in_the_way`` attributes that keep notebooks from our filter.
    """

    root: str
    done: tuple[str, ...]
    to_commit: tuple[str, ...]
    in_the_way: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return what was done, what to commit, and what to do next."""
        blocks: list[Block] = []
        if self.done:
            blocks.append(Note(f"{self.root} is set up.", "good"))
            blocks.append(Table(("done",), tuple((text,) for text in self.done)))
        else:
            blocks.append(
                Note(f"{self.root} was set up already; nothing had to be mended.", "good")
            )
        for rule in self.in_the_way:
            blocks.append(Note(f"Another rule wins over: {rule}.", "bad"))
            blocks.append(Hint("Which, and what to do", f"{PROGRAM} doctor"))
        if self.to_commit:
            rows = tuple((Code(path),) for path in self.to_commit)
            blocks.append(Table(("to commit, so that clones have it too",), rows))
            names = " ".join(self.to_commit)
            blocks.append(
                Hint("Commit", f'git add {names} && git commit -m "Use jupyter-mlops" -- {names}')
            )
        blocks.append(Hint("Keep data", f"{PROGRAM} snapshot PATH"))
        return Document(tuple(blocks))


def init(here: Here) -> InitResult:
    """Make this Git repository a project, or repair this clone of one.

    Writes mlops.toml and the lines of .gitattributes and .gitignore (Jupyter's checkpoints) that
    are missing, and sets up what Git does not carry: the notebook filter, the merge of pointer
    files, the hooks (hooks that exist still run), and where jupyter-mlops is installed. Running it
    again repairs, and changes nothing where nothing is wrong.
    """
    repo = open_repository(here.cwd)
    tree = WorkTree(repo.root)
    _clear_leftovers(repo, tree)
    done = [
        *_write_config(repo, tree),
        *_write_attributes(repo, tree),
        *_write_ignored(repo, tree),
    ]
    done += ensure_clone(repo, renew=True)
    return InitResult(
        root=str(repo.root),
        done=tuple(done),
        to_commit=_read_uncommitted(repo),
        in_the_way=read_missing_lines(repo),
    )


def _clear_leftovers(repo: Repository, tree: WorkTree) -> None:
    """Remove what a call that was killed left at the places where this one writes."""
    clear_own_lock(repo)
    tree.clear()
    hooks = (repo.common_dir / "hooks", repo.store_dir / "hooks")
    for folder in (repo.store_dir, repo.state_dir, *hooks):
        clear_staging(folder)


def _write_config(repo: Repository, tree: WorkTree) -> list[str]:
    try:
        read_config(repo.root)
    except NotFoundError:
        tree.write_file(CONFIG_NAME, default_config_text().encode())
        return [f"Wrote {CONFIG_NAME}."]
    return []


def _write_attributes(repo: Repository, tree: WorkTree) -> list[str]:
    if not read_missing_lines(repo) or not _add_lines(tree, ATTRIBUTES_NAME, ATTRIBUTE_LINES):
        return []
    return [f"Named the notebook filter and the merge of pointer files in {ATTRIBUTES_NAME}."]


def _write_ignored(repo: Repository, tree: WorkTree) -> list[str]:
    if ignored(repo, [f"notebooks/{CHECKPOINTS_FOLDER}/checkpoint.ipynb"]):
        return []
    if not _add_lines(tree, _IGNORE_NAME, (f"{CHECKPOINTS_FOLDER}/",)):
        return []
    return [f"Let Git ignore Jupyter's checkpoints in {_IGNORE_NAME}."]


def _add_lines(tree: WorkTree, name: str, lines: Sequence[str]) -> bool:
    """Write ``lines`` at the end of the file ``name``; return whether that changed it."""
    try:
        before = tree.read(name)
    except NotFoundError:
        before = b""
    text = add_lines(before.decode("utf-8", "surrogateescape"), lines)
    after = text.encode("utf-8", "surrogateescape")
    if after != before:
        tree.write_file(name, after)
    return after != before


def _read_uncommitted(repo: Repository) -> tuple[str, ...]:
    """Return which of the files that ``init`` writes are not as HEAD has them."""
    names = (ATTRIBUTES_NAME, _IGNORE_NAME, CONFIG_NAME)
    printed = run_git(
        repo,
        *("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--"),
        *(literal(name) for name in names),
    ).decode("utf-8", "surrogateescape")
    changed = {entry[3:] for entry in printed.split("\0") if entry}
    return tuple(name for name in names if name in changed)
