"""The command ``init``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.clone import ensure_clone
from jupyter_mlops.commands.nbstripout import describe_replaced
from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.workspace import Here, read_config
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import NotFoundError, UnavailableError, UsageError
from jupyter_mlops.files.durable import clear_staging
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.project import default_config_text
from jupyter_mlops.git.attributes import (
    ATTRIBUTES_NAME,
    add_lines,
    read_missing_lines,
    stand_last,
)
from jupyter_mlops.git.config import SHARED_STORE, read_setting, write_setting
from jupyter_mlops.git.ignore import LINES_LIMIT_BYTES, ignored
from jupyter_mlops.git.index_file import clear_own_lock
from jupyter_mlops.git.nbstripout import is_in_effect, plan_folder_rules
from jupyter_mlops.git.process import literal, run_git
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.notebooks import CHECKPOINTS_FOLDER
from jupyter_mlops.objects.shared import move_own_packs, own_packs
from jupyter_mlops.objects.store import clear_store, create_shared_store, is_store
from jupyter_mlops.reports.findings import quote_path
from jupyter_mlops.snapshots.handles import open_project_store
from jupyter_mlops.units import format_bytes, plural

_IGNORE_NAME = ".gitignore"


@dataclass(frozen=True, slots=True)
class InitResult:
    """What was set up.

    ``done`` are sentences, empty when everything stood; ``to_commit`` the files that Git does not
    have as they are; ``in_the_way`` attributes that keep notebooks from our filter; ``remotes`` the
    names of those that the project has.
    """

    root: str
    done: tuple[str, ...]
    to_commit: tuple[str, ...]
    in_the_way: tuple[str, ...] = ()
    remotes: tuple[str, ...] = ()

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
            names = " ".join(map(quote_path, self.to_commit))
            blocks.append(
                Hint("Commit", f'git add {names} && git commit -m "Use jupyter-mlops" -- {names}')
            )
        if self.remotes:
            blocks.append(Hint("Bring the data of this branch here", f"{PROGRAM} pull"))
        blocks.append(Hint("Keep data", f"{PROGRAM} snapshot PATH"))
        return Document(tuple(blocks))


def init(
    here: Here,
    *,
    store: Annotated[
        Path | None,
        Arg(
            "Keep content in this store, shared with others.", "FOLDER", complete="path", rest=False
        ),
    ] = None,
    new_store: Annotated[
        Path | None,
        Arg("Make a store to be shared, and use it.", "FOLDER", complete="path", rest=False),
    ] = None,
) -> InitResult:
    """Make this Git repository a project, or repair this clone of one.

    Writes mlops.toml and the lines of .gitattributes and .gitignore (Jupyter's checkpoints) that
    are missing, and sets up what Git does not carry: the notebook filter, the diff of notebooks,
    the merge of notebooks and pointer files, the hooks (hooks that exist still run), and where
    jupyter-mlops is installed. With --store or --new-store this clone keeps its content in a folder
    that many clones and users share: the setting mlops.store of this clone's Git. What the clone
    has already is moved there.
    Running it again repairs, and changes nothing where nothing is wrong.
    """
    if store is not None and new_store is not None:
        raise UsageError(
            "Either --store or --new-store can be given.",
            code="usage",
            hints=("jupyter mlops init --help",),
        )
    repo = open_repository(here.cwd)
    tree = WorkTree(repo.root)
    _clear_leftovers(repo, tree)
    for name in (ATTRIBUTES_NAME, _IGNORE_NAME):  # what cannot be read is refused before all else
        _read_lines(tree, name)
    done_to_store = _set_up_store(here, repo, store or new_store, make=new_store is not None)
    replaces_nbstripout = is_in_effect(repo)
    folder_rules = plan_folder_rules(repo)
    done = [
        *done_to_store,
        *_write_config(repo, tree),
        *_write_attributes(repo, tree),
        *_write_folder_rules(tree, folder_rules),
        *_write_ignored(repo, tree),
    ]
    done += ensure_clone(repo, renew=True)
    if (replaces_nbstripout or folder_rules) and not is_in_effect(repo):
        done += describe_replaced(repo)
    return InitResult(
        root=str(repo.root),
        done=tuple(done),
        to_commit=_read_uncommitted(repo, folder_rules),
        in_the_way=read_missing_lines(repo),
        remotes=tuple(read_config(repo.root).remotes),
    )


def _set_up_store(here: Here, repo: Repository, folder: Path | None, *, make: bool) -> list[str]:
    """Use the shared store at ``folder`` where one is given; move what this clone keeps itself."""
    done = []
    if folder is not None:
        place = Path(os.path.normpath(here.cwd / folder))
        found = is_store(place)
        if make and not found:
            create_shared_store(place)
            alone = os.name == "posix" and not place.stat().st_mode & 0o022
            whom = "; by the rights of that folder only you can write there" if alone else ""
            done.append(f"Made a store to be shared at {place}{whom}.")
        elif not found:
            raise UnavailableError(
                f"There is no store at {place}, so that nothing was set; if a disk belongs there,"
                " it is not mounted.",
                code="store-unreachable",
                hints=(f"{PROGRAM} init --new-store {shlex.quote(str(folder))}",),
            )
        if read_setting(repo, SHARED_STORE) != str(place):
            write_setting(repo, SHARED_STORE, str(place))
            done.append(f"Set this clone to keep its content in {place}.")
    store = open_project_store(repo)
    clear_store(store)
    packs = own_packs(store)
    if packs and (folder is not None or is_store(store.folder)):
        with here.progress.task("Moving", sum(pack.size_bytes for pack in packs)) as task:
            moved = move_own_packs(store, task)
        size = format_bytes(sum(pack.size_bytes for pack in moved))
        done.append(f"Moved {plural(len(moved), 'pack')} ({size}) to {store.folder}.")
        if len(moved) < len(packs):
            left = plural(len(packs) - len(moved), "pack")
            done.append(
                f"Left {left} that is not what its name says; {PROGRAM} repair looks at it."
            )
    return done


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
    missing = read_missing_lines(repo)
    text = _read_lines(tree, ATTRIBUTES_NAME).decode("utf-8", "surrogateescape")
    if not missing or stand_last(text, missing) or not _add_lines(tree, ATTRIBUTES_NAME, missing):
        return []
    return [f"Named the filter, diff and merge of notebooks and pointers in {ATTRIBUTES_NAME}."]


def _write_folder_rules(tree: WorkTree, rules: Mapping[str, bytes]) -> Iterator[str]:
    """Write files of attributes in folders in which nbstripout's rules won."""
    for path, text in rules.items():
        tree.write_file(path, text)
        yield f"Named the notebook filter in {path}, after nbstripout."


def _write_ignored(repo: Repository, tree: WorkTree) -> list[str]:
    if ignored(repo, [f"notebooks/{CHECKPOINTS_FOLDER}/checkpoint.ipynb"]):
        return []
    line = f"{CHECKPOINTS_FOLDER}/"
    if line.encode() in _read_lines(tree, _IGNORE_NAME).splitlines():
        return []  # a later line takes it back
    _add_lines(tree, _IGNORE_NAME, (line,))
    return [f"Let Git ignore Jupyter's checkpoints in {_IGNORE_NAME}."]


def _add_lines(tree: WorkTree, name: str, lines: Sequence[str]) -> bool:
    """Write ``lines`` at the end of the file ``name``; return whether that changed it."""
    before = _read_lines(tree, name)
    text = add_lines(before.decode("utf-8", "surrogateescape"), lines)
    after = text.encode("utf-8", "surrogateescape")
    if after != before:
        tree.write_file(name, after)
    return after != before


def _read_lines(tree: WorkTree, name: str) -> bytes:
    try:
        return tree.read(name, limit_bytes=LINES_LIMIT_BYTES)
    except NotFoundError:
        return b""


def _read_uncommitted(repo: Repository, others: Iterable[str]) -> tuple[str, ...]:
    """Return which of the files that ``init`` writes are not as HEAD has them."""
    names = (ATTRIBUTES_NAME, _IGNORE_NAME, CONFIG_NAME, *others)
    printed = run_git(
        repo,
        *("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames", "--"),
        *(literal(name) for name in names),
    ).decode("utf-8", "surrogateescape")
    changed = {entry[3:] for entry in printed.split("\0") if entry}
    return tuple(name for name in names if name in changed)
