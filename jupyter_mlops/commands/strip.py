"""The command ``strip``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.notebook_outputs import OutputKeeper, describe_left_out
from jupyter_mlops.commands.spec import PROGRAM, Arg
from jupyter_mlops.commands.workspace import Here, Workspace, open_workspace
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import ConflictError, NotFoundError, UsageError
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.process import literal, run_git, split_nul
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.notebooks import CHECKPOINTS_FOLDER
from jupyter_mlops.notebooks.kept import KeepRules
from jupyter_mlops.notebooks.strip import StripSettings, resolve_settings
from jupyter_mlops.notebooks.strip import strip as strip_notebook
from jupyter_mlops.snapshots.outputs import read_keep_rules
from jupyter_mlops.units import plural

_SUFFIX = ".ipynb"


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
        if not (self.stripped or self.unchanged or self.left):
            line = "There are no notebooks here."
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
        Arg("Notebooks and folders; the current folder by default.", "PATH", complete="path"),
    ] = (),
    *,
    check: Annotated[
        bool, Arg("Write nothing; exit with status 1 if there is something to strip.")
    ] = False,
) -> StripResult:
    """Remove outputs and noise from notebooks.

    The files themselves are stripped, as nbstripout does it with the settings it has in Git's
    configuration; of a folder, those that Git does not ignore. In a project, what is stripped is
    kept in the store first, and comes back when Git checks the notebook out. Git itself needs no
    such call: it gets notebooks stripped.
    """
    stripped: dict[Path, tuple[Hash, bytes]] = {}
    left = []
    found_count = 0
    kept = not check
    with ExitStack() as stack:
        for root, notebooks in find_notebooks(here, paths or (".",)).items():
            found_count += len(notebooks)
            if not check:
                for folder in {path.parent for path in notebooks}:
                    WorkTree(folder).clear()  # what a killed call left there
            settings, ws = _open(here, root)
            keeper, rules = None, KeepRules()
            if ws is not None and ws.config.notebooks.keep_outputs and not check:
                rules = read_keep_rules(ws.git, ws.config.notebooks)
                keeper = stack.enter_context(OutputKeeper(ws.store, ws.clock, rules))
            for path in notebooks:
                content = WorkTree(path.parent).read(path.name)
                result = strip_notebook(content, settings)
                problems = [] if result.problem is None else [result.problem]
                if keeper is not None and result.removed is not None:
                    keeping = keeper.keep(result.notebook, result.removed)
                    problems += describe_left_out(keeping.left_out, rules.limit_bytes)
                    kept = kept and keeping.done
                if problems:
                    left.append(Unstrippable(_shown(here, path), "; ".join(problems)))
                elif result.notebook != content:
                    stripped[path] = (hash_bytes(content), result.notebook)
                    kept = kept and keeper is not None
    if not check:
        for path, (before, notebook) in stripped.items():
            _write(path, before, notebook)
    return StripResult(
        stripped=tuple(_shown(here, path) for path in stripped),
        unchanged=found_count - len(stripped) - len(left),
        left=tuple(left),
        kept=kept and bool(stripped),
        check=check,
    )


def _open(here: Here, root: Path | None) -> tuple[StripSettings, Workspace | None]:
    """Return the settings that hold in the Git repository at ``root``, and its project if any."""
    if root is None:
        return StripSettings(), None
    settings = resolve_settings(*read_nbstripout_settings(open_repository(root)))
    try:
        return settings, open_workspace(root, clock=here.clock, progress=here.progress)
    except NotFoundError:
        return settings, None


def find_notebooks(here: Here, names: Iterable[str]) -> dict[Path | None, list[Path]]:
    """Return the notebooks that ``names`` mean, each once, by the root of their Git repository.

    Raises:
        NotFoundError: there is nothing of some name.
        UsageError: it is a file, but not a notebook.
    """
    found: dict[Path | None, dict[Path, None]] = {}
    for named in names:
        path = Path(os.path.normpath(here.cwd / named))
        if not os.path.exists(path):
            raise NotFoundError(
                f"There is no file or folder {named}.",
                code="path-not-found",
                hints=(f"{PROGRAM} strip",),
            )
        if not path.is_dir() and path.suffix != _SUFFIX:
            raise UsageError(
                f"{named} is not a notebook, as its name does not end in {_SUFFIX}.",
                code="not-a-notebook",
                hints=(f"{PROGRAM} strip",),
            )
        folder = Path(os.path.realpath(path if path.is_dir() else path.parent))
        repository = _repository_of(folder)
        notebooks = found.setdefault(repository.root if repository else None, {})
        listed = _iter_folder(repository, folder) if path.is_dir() else [folder / path.name]
        whole = (one for one in listed if STAGED_PREFIX not in one.as_posix())
        notebooks.update(dict.fromkeys(sorted(whole)))
    return {root: list(notebooks) for root, notebooks in found.items()}


def _repository_of(folder: Path) -> Repository | None:
    try:
        return open_repository(folder)
    except NotFoundError:
        return None


def _iter_folder(repository: Repository | None, folder: Path) -> Iterator[Path]:
    """Yield the notebooks in ``folder``; in a Git repository, only what Git does not ignore."""
    if repository is None:
        for parent, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if name not in (".git", CHECKPOINTS_FOLDER)]
            yield from (Path(parent, name) for name in names if name.endswith(_SUFFIX))
        return
    inside = folder.relative_to(repository.root).as_posix()
    printed = run_git(
        repository,
        *("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "--"),
        literal(inside),
    )
    for name in split_nul(printed):
        path = repository.root / name
        if path.suffix == _SUFFIX and path.is_file() and CHECKPOINTS_FOLDER not in path.parts:
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
