"""The small script through which Git starts jupyter-mlops, and the settings that name it.

Git's configuration and hooks outlive Python environments. So they name no interpreter but a script
in the store's folder, which finds one: the recorded one, else ``jupyter-mlops`` on PATH. Where
there is neither it says in one sentence how to go on, so that no repository is left unusable.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.git.process import run_git, split_nul
from jupyter_mlops.git.repository import Repository

FILTER = "mlops-notebook"
"""The filter's name in ``.gitattributes``."""

DIFF_DRIVER = "mlops-notebook"
"""The diff driver's name in ``.gitattributes``, and that of the tool for ``git difftool``."""

MERGE_DRIVER = "mlops-pointer"
"""The name of the merge driver of pointer files in ``.gitattributes``."""

NOTEBOOK_MERGE_DRIVER = "mlops-notebook"
"""The name of the merge driver of notebooks in ``.gitattributes``."""

CONFLICT_STATUS = 4
"""What a command exits with that has merged for Git and left a conflict."""

LAUNCHER_NAME = "launcher"
"""The script's name in the store's folder."""

NOT_FOUND_STATUS = 69
"""What the launcher exits with when it finds nothing to start."""

# Looked up by Git at each call, so a clone may be moved, and linked worktrees find it as well.
_LAUNCH = f'sh "$(git rev-parse --git-common-dir)/mlops/{LAUNCHER_NAME}"'

FILTER_SETTINGS: dict[str, str] = {
    f"filter.{FILTER}.process": f"{_LAUNCH} filter process",
    f"filter.{FILTER}.clean": f"{_LAUNCH} filter clean %f",
    f"filter.{FILTER}.smudge": f"{_LAUNCH} filter smudge %f",
    f"filter.{FILTER}.required": "true",
}
"""The filter's settings, which ``init`` writes in the repository's own configuration.

Git uses ``process``; ``clean`` and ``smudge`` are for programs that know nothing else.
"""

# Whatever keeps ours from merging, down to a launcher that is gone, Git's own text merge stands in.
_FILES = "%O %A %B %L %P"
_AS_TEXT = "git merge-file -L ours -L base -L theirs --marker-size=%L %A %O %B"
_MERGE = (
    f"{_LAUNCH} merge -- {_FILES}; status=$?;"
    f" case $status in 0|{CONFLICT_STATUS}) ;;"
    f" *) {_AS_TEXT}; status=$? ;; esac;"
    " exit $status"
)
# Notebooks that were merged as text may be none any more, also where Git saw no conflict.
# What the driver says goes through the shell, so that nobody's full disk ends it with another
# status once it has merged.
_MERGE_NOTEBOOK = (
    f"said=$({_LAUNCH} notebook merge -- {_FILES}); status=$?;"
    """ [ -z "$said" ] || printf '%s\\n' "$said";"""
    f" case $status in 0) exit 0 ;; {CONFLICT_STATUS}) ;; *) {_AS_TEXT} ;; esac;"
    " exit 1"
)

MERGE_SETTINGS: dict[str, str] = {
    f"merge.{MERGE_DRIVER}.name": "merge of jupyter-mlops pointer files",
    f"merge.{MERGE_DRIVER}.driver": _MERGE,
    f"merge.{NOTEBOOK_MERGE_DRIVER}.name": "merge of notebooks, cell by cell",
    f"merge.{NOTEBOOK_MERGE_DRIVER}.driver": _MERGE_NOTEBOOK,
}
"""The settings of the merge drivers, which ``init`` writes beside them.

In a clone without them Git merges pointer files and notebooks as text.
"""

# Whatever keeps ours from showing a notebook, a launcher that is gone included, Git shows its JSON.
# Git adds the arguments behind the name of a function. What it does not hand on is asked here, as
# that takes less time than from Python.
_EXTRA_KEYS = '"$(git config filter.nbstripout.extrakeys)"'
# Where a user has set cachetextconv, Git believes what the same line made before: a change of the
# readable form needs another line.
_TEXTCONV = f'f() {{ {_LAUNCH} textconv {_EXTRA_KEYS} "$1" || cat "$1"; }}; f'
_EXTERNAL_DIFF = (
    # A driver's command wins over the one in the environment, which is how Git starts difftools.
    'f() { if [ -n "$GIT_EXTERNAL_DIFF" ]; then'
    ' eval "$GIT_EXTERNAL_DIFF \\"\\$@\\""; return; fi;'
    " t=false; [ -t 1 ] && t=true;"
    f' {_LAUNCH} external-diff "$(git config --get-colorbool color.diff $t)" {_EXTRA_KEYS} "$@" ||'
    ' git diff --no-index --no-ext-diff --no-textconv -- "$2" "$5"; true; }; f'
)

DIFF_SETTINGS: dict[str, str] = {
    f"diff.{DIFF_DRIVER}.command": _EXTERNAL_DIFF,
    f"diff.{DIFF_DRIVER}.textconv": _TEXTCONV,
    f"diff.{DIFF_DRIVER}.xfuncname": "^── (.*)$",
    f"difftool.{DIFF_DRIVER}.cmd": f'{_LAUNCH} difftool "$LOCAL" "$REMOTE" "$MERGED"',
}
"""The diff driver's settings, which ``init`` writes beside them.

``git diff`` runs ``command``; ``git log -p``, ``git show`` and ``git blame`` run ``textconv``, and
so does ``git diff --no-ext-diff``. ``git difftool --tool=mlops-notebook`` shows a page.
"""

FREEING_COMMAND = f"git config --remove-section filter.{FILTER}"
"""What takes the filter out of a clone: Git lets notebooks through a filter it knows nothing of."""

_LAUNCHER = """\
#!/bin/sh
# Written by "jupyter mlops init", which also renews it. Git starts jupyter-mlops through it.
interpreter={interpreter}
package={package}
if [ -x "$interpreter" ] && [ -f "$package" ]; then
    exec "$interpreter" -P -m jupyter_mlops "$@"
fi
if command -v jupyter-mlops >/dev/null 2>&1; then
    exec jupyter-mlops "$@"
fi
case "$1" in textconv | external-diff) exit {status} ;; esac
if [ "$1" = merge ] || [ "$1 $2" = "notebook merge" ]; then
    for path; do :; done
    echo "jupyter-mlops is neither at $interpreter nor on PATH: $path is merged as text." >&2
    exit {status}
fi
cat >&2 <<END
jupyter-mlops, through which Git passes this project's notebooks, is neither at $interpreter \
nor on PATH: install it with "pip install jupyter-mlops" and "jupyter mlops init", or go on \
without it after "{freeing}"; Git then takes outputs in, \
unless you take "filter={filter}" out of .gitattributes for a filter of another tool.
END
exit {status}
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where jupyter-mlops is installed: an interpreter, and the package's first file."""

    interpreter: Path
    package: Path

    def is_present(self) -> bool:
        """Return whether both files are there."""
        try:
            return self.interpreter.is_file() and self.package.is_file()
        except OSError:  # in a folder of somebody else's
            return False


def launcher_path(repo: Repository) -> Path:
    """Return where the launcher of this repository is, or would be."""
    return repo.store_dir / LAUNCHER_NAME


def format_launcher(installation: Installation) -> bytes:
    """Return the script that starts ``installation``.

    ``-P`` keeps the project's own files, in whose folder Git starts it, from being imported.
    """
    interpreter = shlex.quote(installation.interpreter.as_posix())
    package = shlex.quote(installation.package.as_posix())
    return _LAUNCHER.format(
        interpreter=interpreter,
        package=package,
        filter=FILTER,
        freeing=FREEING_COMMAND,
        status=NOT_FOUND_STATUS,
    ).encode("utf-8", "surrogateescape")


def parse_launcher(script: bytes) -> Installation | None:
    """Return what :func:`format_launcher` was given, None when the script is another one."""
    values = {}
    for line in script.decode("utf-8", "surrogateescape").splitlines():
        name, equals, value = line.partition("=")
        if equals and name in ("interpreter", "package"):
            try:
                values[name] = "".join(shlex.split(value))
            except ValueError:
                return None
    if values.keys() != {"interpreter", "package"}:
        return None
    installation = Installation(Path(values["interpreter"]), Path(values["package"]))
    return installation if format_launcher(installation) == script else None


def read_filter_settings(repo: Repository) -> dict[str, str]:
    """Return the settings of our filter that are in effect, by key, from every level."""
    return _read_section(repo, rf"^filter\.{FILTER}\.")


def read_driver_settings(repo: Repository) -> dict[str, str]:
    """Return the same with those of our merge drivers and of our diff driver, in one process."""
    merge, diff = (
        rf"merge\.({MERGE_DRIVER}|{NOTEBOOK_MERGE_DRIVER})",
        rf"diff(tool)?\.{DIFF_DRIVER}",
    )
    return _read_section(repo, rf"^(filter\.{FILTER}|{merge}|{diff})\.")


def read_nbstripout_settings(repo: Repository) -> tuple[str, str, str]:
    """Return ``filter.nbstripout.extrakeys``, ``.keepmetadatakeys`` and ``.clean``.

    From every level of Git's configuration; the empty text for what is not set.
    """
    section = _read_section(repo, r"^filter\.nbstripout\.")
    names = ("extrakeys", "keepmetadatakeys", "clean")
    extra, keep, clean = (section.get(f"filter.nbstripout.{name}", "") for name in names)
    return extra, keep, clean


def _read_section(repo: Repository, pattern: str) -> dict[str, str]:
    printed = run_git(repo, "config", "-z", "--get-regexp", pattern, allow=(0, 1))
    pairs = (entry.partition("\n") for entry in split_nul(printed))
    return {key: value for key, _, value in pairs}
