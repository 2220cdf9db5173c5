"""The lines of ``.gitattributes`` that a project needs, and what Git makes of them."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence

from jupyter_mlops.git.launcher import DIFF_DRIVER, FILTER, MERGE_DRIVER, NOTEBOOK_MERGE_DRIVER
from jupyter_mlops.git.process import encode_names, run_git, split_nul
from jupyter_mlops.git.repository import Repository

ATTRIBUTES_NAME = ".gitattributes"

# Both are read back byte for byte, so Git shall not change their line ends on any machine.
_WANTED: dict[str, dict[str, str]] = {
    "*.ipynb": {"filter": FILTER, "eol": "lf"},
    "*.mlops": {"merge": MERGE_DRIVER, "eol": "lf"},
}
# How notebooks are shown and merged is a matter of taste: any driver that somebody chose is enough.
_DRIVERS: dict[str, dict[str, str]] = {
    "*.ipynb": {"diff": DIFF_DRIVER, "merge": NOTEBOOK_MERGE_DRIVER}
}


def _line(pattern: str, chosen: Container[str] = ()) -> str:
    """Return the line for a pattern, without the drivers of which another one is chosen."""
    drivers = _DRIVERS.get(pattern, {})
    values = {**_WANTED[pattern], **{k: v for k, v in drivers.items() if k not in chosen}}
    named = [f"{name}={values[name]}" for name in ("filter", "diff", "merge") if name in values]
    return " ".join([pattern, *named, "text eol=lf"])


ATTRIBUTE_LINES = tuple(map(_line, _WANTED))
"""The lines that ``init`` writes where nobody has chosen other drivers, in their order."""

NOTEBOOK_LINE = _line("*.ipynb")
"""The one of them that is about notebooks."""

# nbstripout's, which it names by itself wherever it is installed, is nobody's choice.
_NOT_CHOSEN = "ipynb"

# A name that no file has, so that only rules for all such files count.
_PROBE = "mlops-attribute-probe"
NOTEBOOK_PROBE = f"{_PROBE}.ipynb"
"""The name of a notebook that is not there."""


def read_missing_lines(repo: Repository) -> tuple[str, ...]:
    """Return the lines that ``.gitattributes`` in the root lacks for what Git finds there now.

    Rules in other files of attributes count as well, be they enough or in the way. A driver that
    somebody chose to show or merge notebooks stays in effect.
    """
    probes = {pattern: pattern.replace("*", _PROBE) for pattern in _WANTED}
    found = read_attributes(repo, list(probes.values()), ("filter", "diff", "eol", "merge"))
    missing = []
    for pattern, wanted in _WANTED.items():
        there, drivers = found[probes[pattern]], _DRIVERS.get(pattern, {})
        lacks = any(there.get(name) != value for name, value in wanted.items())
        if lacks or not drivers.keys() <= there.keys():
            ours = {*drivers.values(), _NOT_CHOSEN, None}
            chosen = {name for name in drivers if there.get(name) not in ours}
            missing.append(_line(pattern, chosen))
    return tuple(missing)


def add_lines(text: str, lines: Sequence[str]) -> str:
    """Return the text of a ``.gitattributes`` with ``lines`` at its end, where they win.

    A line that is there already is moved. Line ends stay as they are; ``text`` is decoded so that
    all of its bytes come back (``surrogateescape``, ``newline=""``).
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    present = text.splitlines(keepends=True)
    kept = "".join(line for line in present if line.strip() not in lines)
    if kept and not kept.endswith("\n"):
        kept += newline
    return kept + "".join(line + newline for line in lines)


def stand_last(text: str, lines: Collection[str]) -> bool:
    """Return whether ``lines`` are in a ``.gitattributes`` with none but ours behind them."""
    present = [line.strip() for line in text.splitlines()]
    if not set(lines) <= set(present):
        return False
    behind = present[min(map(present.index, lines), default=0) :]
    return {*behind} <= {*lines, *ATTRIBUTE_LINES, ""}


def read_attributes(
    repo: Repository, paths: Sequence[str], names: Sequence[str]
) -> Mapping[str, Mapping[str, str]]:
    """Return the attributes ``names`` that Git gives each of ``paths``, which need not exist.

    An attribute that is not specified is left out; one that is set or unset is ``set``, ``unset``.
    """
    printed = run_git(repo, "check-attr", "--stdin", "-z", *names, input=encode_names(paths))
    fields = split_nul(printed)
    found: dict[str, dict[str, str]] = {path: {} for path in paths}
    for path, name, value in zip(fields[0::3], fields[1::3], fields[2::3], strict=True):
        if value != "unspecified":
            found[path][name] = value
    return found
