"""The command ``strip``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.notebook_outputs import OutputKeeper
from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.workspace import Here, Workspace, open_workspace
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.files.walk import walk
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.process import literal, run_git, split_nul
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.notebooks.strip import StripSettings, resolve_settings
from jupyter_mlops.notebooks.strip import strip as strip_notebook
from jupyter_mlops.units import plural

_SUFFIX = ".ipynb"
_CHECKPOINTS = ".ipynb_checkpoints/"


@dataclass(frozen=True, slots=True)
class Unstrippable:
    """A file that is left as it is; ``why`` goes on after its path."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class StripResult:
    """What became of the notebooks; with ``check`` what would.

    ``kept`` says whether the store has what was stripped.
    """

    stripped: tuple[str, ...]
    unchanged: int
    left: tuple[Unstrippable, ...]
    kept: bool
    check: bool = False

    @property
    def exit_status(self) -> int:
        """1 when a check found something to strip, or a file could not be."""
        return int(bool(self.left or (self.check and self.stripped)))

    def describe(self) -> Document:
        """Return a line of counts and the notebooks that were stripped."""
        count = plural(len(self.stripped), "notebook")
        if self.check:
            line = f"{count} would be stripped, {self.unchanged} would not change."
        else:
            line = f"Stripped {count}, left {self.unchanged} unchanged."
        blocks: list[Block] = [Note(line, "warning" if self.exit_status else "good")]
        if self.stripped:
            blocks.append(Table(("notebook",), tuple((Code(path),) for path in self.stripped)))
        for file in self.left:
            blocks.append(Note(f"{file.path} {file.why}; it is left as it is.", "bad"))
        if self.check and self.stripped:
            blocks.append(Hint("Strip them", f"{PROGRAM} strip"))
        elif self.kept:
            blocks.append(Note("What was stripped is kept, and comes back at checkout.", "quiet"))
        return Document(tuple(blocks))


def strip(
    here: Here,
    paths: Annotated[
        tuple[str, ...],
        Arg(
            "Notebooks, and folders of them; all that Git does not ignore in the current folder"
            " when none is named.",
            metavar="[PATH...]",
            complete="path",
        ),
    ] = (),
    *,
    check: Annotated[
        bool, Arg("Write nothing; exit with status 1 if there is something to strip.")
    ] = False,
) -> StripResult:
    """Remove outputs and noise from notebooks.

    The files themselves are stripped, as nbstripout does it with the settings it has in Git's
    configuration. In a project, what is stripped is kept in the store first, and comes back when
    Git checks the notebook out. Git itself needs no such call: it gets notebooks stripped.
    """
    repository, ws = _open(here)
    named = paths or (".",)
    notebooks = list(dict.fromkeys(n for path in named for n in _find(here, repository, path)))
    settings = StripSettings()
    if repository is not None:
        settings = resolve_settings(*read_nbstripout_settings(repository))
    stripped: dict[Path, tuple[Hash, bytes]] = {}
    left = []
    with ExitStack() as stack:
        keeper = None
        if ws is not None and ws.config.notebooks.keep_outputs and not check:
            keeper = stack.enter_context(OutputKeeper(ws.store, ws.clock))
        for path in notebooks:
            content = WorkTree(path.parent).read(path.name)
            result = strip_notebook(content, settings)
            if result.problem is not None:
                left.append(Unstrippable(_shown(here, path), result.problem))
            elif result.notebook != content:
                stripped[path] = (hash_bytes(content), result.notebook)
                if keeper is not None and result.removed is not None:
                    keeper.keep(result.notebook, result.removed)
    if not check:
        for path, (before, notebook) in stripped.items():
            _write(path, before, notebook)
    return StripResult(
        stripped=tuple(_shown(here, path) for path in stripped),
        unchanged=len(notebooks) - len(stripped) - len(left),
        left=tuple(left),
        kept=keeper is not None and bool(stripped),
        check=check,
    )


def _open(here: Here) -> tuple[Repository | None, Workspace | None]:
    """Return the Git repository and the project around the current folder, as far as there are."""
    try:
        repository = open_repository(here.cwd)
    except NotFoundError:
        return None, None
    try:
        return repository, open_workspace(here.cwd, clock=here.clock, progress=here.progress)
    except NotFoundError:
        return repository, None


def _find(here: Here, repository: Repository | None, named: str) -> Iterator[Path]:
    """Yield the notebooks that ``named`` means, in order.

    Raises:
        NotFoundError: there is nothing of that name.
        UsageError: it is a file, but not a notebook.
    """
    path = Path(os.path.normpath(here.cwd / named))
    if path.is_dir():
        yield from sorted(_iter_folder(repository, path))
    elif not path.exists():
        raise NotFoundError(f"There is no file {named}.", code="path-not-found")
    elif path.suffix != _SUFFIX:
        raise UsageError(
            f"{named} is not a notebook, as its name does not end in {_SUFFIX}.",
            code="not-a-notebook",
        )
    else:
        yield path


def _iter_folder(repository: Repository | None, folder: Path) -> Iterator[Path]:
    """Yield the notebooks in ``folder``; in a Git repository, only what Git does not ignore."""
    if repository is None or not folder.is_relative_to(repository.root):
        for found in walk(folder):
            if found.path.endswith(_SUFFIX) and _CHECKPOINTS not in found.path:
                yield folder / found.path
        return
    inside = folder.relative_to(repository.root).as_posix()
    printed = run_git(
        repository,
        *("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"),
        literal(inside),
    )
    for name in split_nul(printed):
        path = repository.root / name
        if path.suffix == _SUFFIX and path.is_file() and _CHECKPOINTS not in name:
            yield path


def _write(path: Path, before: Hash, notebook: bytes) -> None:
    """Write ``notebook`` unless somebody has saved the file since it was read.

    Raises:
        ConflictError: somebody has; the file is left as it is.
    """
    tree = WorkTree(path.parent)
    if hash_bytes(tree.read(path.name)) != before:
        raise ConflictError(
            f"{path} was saved by another program meanwhile, and is left as it is.",
            code="file-changing",
            hints=(f"{PROGRAM} strip",),
        )
    found = tree.stat(path.name)
    tree.write_file(path.name, notebook, found.mode if found is not None else Mode.FILE)


def _shown(here: Here, path: Path) -> str:
    return Path(os.path.relpath(path, here.cwd)).as_posix()
