"""Git's external diff (``git diff``): the cells of a notebook that changed, the moved ones too.

Git starts it once for each file, so it imports little.
"""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_mlops.cli.git_output import LEFT_TO_GIT, write_whole
from jupyter_mlops.commands.notebook_changes import describe_changes
from jupyter_mlops.document import Document, Note
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.notebooks.compare import compare_notebooks
from jupyter_mlops.notebooks.readable import ReadableNotebook, read_notebook
from jupyter_mlops.text import visible

_NOTHING = Note("No cell changed, only outputs or what else running a notebook writes.", "quiet")
_BOLD = "\x1b[1m"
_RESET = "\x1b[0m"


def main(words: Sequence[str]) -> int:
    """Print what changed, whole or not at all, and return the exit status.

    ``external-diff COLOUR EXTRA_KEYS`` and then what Git gives an external diff: ``PATH OLD_FILE
    OLD_ID OLD_MODE NEW_FILE NEW_ID NEW_MODE [NEW_PATH RENAME]``, or ``PATH`` alone for a file that
    is not merged. COLOUR is ``true`` or not; EXTRA_KEYS are those of nbstripout's section of Git's
    settings.
    """
    try:
        _, colour, extra_keys, path, *versions = words
        write_whole(_describe(path, versions, extra_keys.split(), colour == "true"))
    except BrokenPipeError:
        return 0  # the pager was left, which is nobody's error
    except (OSError, ValueError):
        return LEFT_TO_GIT
    return 0


def _describe(path: str, versions: Sequence[str], extra_keys: list[str], colour: bool) -> str:
    if not versions:
        return f"* Unmerged path {visible(path)}\n"
    old_file, _, old_mode, new_file, _, new_mode, *renamed = versions
    changes = compare_notebooks(_read(old_file, extra_keys), _read(new_file, extra_keys))
    header = [f"diff --git a/{visible(path)} b/{visible(renamed[0] if renamed else path)}"]
    header += _header(old_mode, new_mode, renamed[1] if len(renamed) > 1 else "")
    if colour:
        header = [f"{_BOLD}{line}{_RESET}" for line in header]
    blocks = tuple(describe_changes(changes.fields, changes.cells)) or (_NOTHING,)
    body = render_text(Document(blocks), colour=colour)
    return "\n".join([*header, body]) + "\n"


def _header(old_mode: str, new_mode: str, rename: str) -> list[str]:
    """Return what Git says of a file that is new, gone, renamed, or of another mode."""
    if old_mode == ".":
        return [f"new file mode {new_mode}"]
    if new_mode == ".":
        return [f"deleted file mode {old_mode}"]
    modes = [] if old_mode == new_mode else [f"old mode {old_mode}", f"new mode {new_mode}"]
    return modes + [visible(line) for line in rename.splitlines() if line.startswith("rename ")]


def _read(file: str, extra_keys: list[str]) -> ReadableNotebook:
    """Return the notebook in ``file``; Git names the null device where there is none."""
    with open(file, "rb") as opened:
        return read_notebook(opened.read(), extra_keys)
