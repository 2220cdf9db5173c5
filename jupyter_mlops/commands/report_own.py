"""The project's own sections of a report: Markdown files, and cells tagged ``report``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.notebooks.canonical import Notebook, cell_source, iter_cells, parse_notebook
from jupyter_mlops.reports.state_report import Section

TAG = "report"
LIMIT_BYTES = 256 * 1024
"""The largest file that is taken as a section."""

_NOTEBOOK_LIMIT_BYTES = 64 * 1024**2
_PRIORITY = 45


def read_own_sections(ws: Workspace, executed: Mapping[str, Notebook]) -> list[Section]:
    """Return the files that ``[report] sections`` names, then the tagged cells of each notebook.

    Of a notebook in ``executed``, by its path, those are taken instead of the file's. A file that
    is missing or too large is said in its place.
    """
    tree = WorkTree(ws.root)
    sections = [_read_file(tree, path) for path in ws.config.report.sections]
    for path in sorted({*list_index(ws.git, "*.ipynb"), *executed}):
        notebook = executed.get(path) or _read_notebook(tree, path)
        text = "\n\n".join(_iter_tagged(notebook)).strip() if notebook else ""
        if text:
            sections.append(Section("own", path, "", markdown=text, priority=_PRIORITY))
    return sections


def _read_file(tree: WorkTree, path: str) -> Section:
    try:
        text = tree.read(path, limit_bytes=LIMIT_BYTES).decode("utf-8", "replace").strip()
    except MlopsError as error:
        return Section("own", path, error.message, priority=_PRIORITY, tone="warning")
    return Section("own", path, "", markdown=text, priority=_PRIORITY)


def _read_notebook(tree: WorkTree, path: str) -> Notebook | None:
    try:
        return parse_notebook(tree.read(path, limit_bytes=_NOTEBOOK_LIMIT_BYTES))
    except (MlopsError, ValueError):
        return None


def _iter_tagged(notebook: Notebook) -> Iterator[str]:
    """Yield the sources of Markdown cells with the tag, and what code cells with it printed."""
    for cell in iter_cells(notebook):
        tags = cell.get("metadata", {}).get("tags", ())
        if not isinstance(tags, list) or TAG not in tags:
            continue
        if cell.get("cell_type") == "markdown":
            yield cell_source(cell)
        else:
            yield from _iter_outputs(cell)


def _iter_outputs(cell: Notebook) -> Iterator[str]:
    outputs = cell.get("outputs", ())
    for output in outputs if isinstance(outputs, list) else ():
        data = output.get("data", {}) if isinstance(output, dict) else {}
        if not isinstance(data, dict):
            continue
        if "text/markdown" in data:
            yield _join(data["text/markdown"])
        elif "text/plain" in data:
            yield _fence(_join(data["text/plain"]))
        elif output.get("output_type") == "stream":
            yield _fence(_join(output.get("text", "")))


def _join(text: object) -> str:
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def _fence(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text.rstrip()}\n{fence}"
