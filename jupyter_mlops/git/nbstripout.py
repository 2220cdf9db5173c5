"""Where nbstripout is Git's filter for notebooks, and the rules by which ours takes its place.

Nothing of nbstripout's is taken away: a line of ours after its rule wins over it, and is all that
has to go for the rule to count again. Its settings stay, and are read by
:func:`jupyter_mlops.git.launcher.read_nbstripout_settings`.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.git.attributes import (
    ATTRIBUTES_NAME,
    NOTEBOOK_LINE,
    NOTEBOOK_PROBE,
    add_lines,
    read_attributes,
)
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.git.repository import Repository

NBSTRIPOUT = "nbstripout"
"""The name of its filter, and of the section of its settings."""

RULES_LIMIT_BYTES = 100 * 1024**2
"""Git itself reads no larger file of attributes."""

_DIFF_RULE = "*.ipynb diff=ipynb"
"""What ``nbstripout --install`` writes as well: Git shows notebooks by its command."""

# Zeppelin's notebooks, for which it writes a rule as well, stay with it.
_RULE = re.compile(rf"^(?!\s*#|\s*\S*\.zpln\s).*\sfilter={NBSTRIPOUT}(?:\s|$)")


def local_rules_path(repo: Repository) -> Path:
    """Return the file of attributes that belongs to this clone, and wins over all others."""
    return repo.common_dir / "info" / "attributes"


def read_rules(path: Path) -> str:
    """Return the text of a file of attributes; the empty text where Git would read none."""
    try:
        content = WorkTree(path.parent).read(path.name, limit_bytes=RULES_LIMIT_BYTES)
    except MlopsError:
        return ""
    return content.decode("utf-8", "surrogateescape")


def is_in_effect(repo: Repository) -> bool:
    """Return whether notebooks in the root go through nbstripout, by whatever rule."""
    found = read_attributes(repo, [NOTEBOOK_PROBE], ("filter",))
    return found[NOTEBOOK_PROBE].get("filter") == NBSTRIPOUT


def plan_local_rules(repo: Repository) -> bytes | None:
    """Return the clone's own file of attributes with our line added, None if it need not be.

    It need where a rule there names nbstripout, as ``nbstripout --install`` writes it.
    """
    return _take_over(read_rules(local_rules_path(repo)))


def write_local_rules(repo: Repository, rules: bytes) -> None:
    """Write the clone's own file of attributes, as a file that people change.

    Raises:
        UnavailableError: Git's folder cannot be written.
    """
    path = local_rules_path(repo).relative_to(repo.common_dir)
    WorkTree(repo.common_dir, staging=repo.store_dir).write_file(path.as_posix(), rules)


def plan_folder_rules(repo: Repository) -> dict[str, bytes]:
    """Return the files of attributes in folders that name nbstripout and win, with our line."""
    paths = {path: PurePosixPath(path).parent for path in list_index(repo, "*.ipynb")}
    folders = {parent for path in paths.values() for parent in (path, *path.parents)}
    folders |= {PurePosixPath(path).parent for path in list_index(repo, f"*{ATTRIBUTES_NAME}")}
    planned = {}
    for folder in sorted(folders - {PurePosixPath(".")}):
        rules = _take_over(read_rules(repo.root / folder / ATTRIBUTES_NAME))
        if rules is not None:
            planned[(folder / ATTRIBUTES_NAME).as_posix()] = rules
    return planned


def _take_over(text: str) -> bytes | None:
    """Return the rules with our line after the last one of nbstripout's; None where it stands.

    Right after it, so that what comes next wins over ours as it did over nbstripout's.
    """
    lines = text.splitlines(keepends=True)
    if not any(map(_RULE.match, lines)):
        return None
    last = max(
        place for place, line in enumerate(lines) if _RULE.match(line) or line.strip() == _DIFF_RULE
    )
    if NOTEBOOK_LINE in (line.strip() for line in lines[last:]):
        return None
    head = "".join(lines[: last + 1])
    rules = add_lines(head, (NOTEBOOK_LINE,)) + "".join(lines[last + 1 :])
    return rules.encode("utf-8", "surrogateescape")
