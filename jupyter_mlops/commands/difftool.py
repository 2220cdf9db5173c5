"""The command ``difftool``, which ``git difftool`` starts through the launcher."""

from __future__ import annotations

import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.notebook_changes import count_changes, describe_changes
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.document import Document, Note
from jupyter_mlops.document.render_html import render_html_page
from jupyter_mlops.errors import UnavailableError, UnsupportedError
from jupyter_mlops.notebooks.compare import CellChange, FieldChange, compare_notebooks
from jupyter_mlops.notebooks.readable import ReadableNotebook, read_notebook

_PAGE_NAME = "notebook-diff.html"


@dataclass(frozen=True, slots=True)
class DifftoolResult:
    """What changed in the notebook; ``page`` is the file that a browser shows, null without one."""

    path: str
    page: str | None
    fields: tuple[FieldChange, ...]
    cells: tuple[CellChange, ...]

    def describe(self) -> Document:
        """Return where the page is, or what would be on it."""
        if self.page is not None:
            return Document((Note(f"{self.path}: {self.page}", "quiet"),))
        return _describe(self.fields, self.cells)


def difftool(
    here: Here,
    old: Annotated[str, Arg("The file with the older version.", metavar="OLD")],
    new: Annotated[str, Arg("The file with the newer version.", metavar="NEW")],
    path: Annotated[str, Arg("The notebook's path, for the title.", metavar="PATH")],
) -> DifftoolResult:
    """Show for Git what changed in a notebook.

    Git calls this itself, as its difftool of the name mlops-notebook. The page is opened in the
    browser that is the user's own; where there is none, what changed is printed.
    """
    changes = compare_notebooks(*(_read(here.cwd / file, path) for file in (old, new)))
    document = _describe(changes.fields, changes.cells)
    folder = Path(tempfile.mkdtemp(prefix="jupyter-mlops-"))  # for the user alone
    page = folder / _PAGE_NAME
    page.write_text(render_html_page(document, path), "utf-8")
    opened = webbrowser.open(page.as_uri())
    if not opened:
        page.unlink()
        folder.rmdir()
    return DifftoolResult(path, str(page) if opened else None, changes.fields, changes.cells)


def _describe(fields: tuple[FieldChange, ...], cells: tuple[CellChange, ...]) -> Document:
    summary = count_changes(fields, cells) or "No cell changed."
    return Document((Note(summary, "quiet"), *describe_changes(fields, cells)))


def _read(file: Path, path: str) -> ReadableNotebook:
    try:
        return read_notebook(file.read_bytes())
    except OSError as error:
        raise UnavailableError(
            f"A version of {path} cannot be read: {error.strerror}.",
            code="not-readable",
            hints=("git status",),
        ) from error
    except ValueError as error:
        raise UnsupportedError(
            f"A version of {path} {error}.", code="notebook-unreadable", hints=("git diff",)
        ) from error
