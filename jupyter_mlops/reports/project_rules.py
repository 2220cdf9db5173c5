"""Rules about a project: large files in Git, packages and lock file, snapshots, old metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jupyter_mlops.reports.findings import Finding, quote_path
from jupyter_mlops.units import format_bytes

_NAMED_PATHS = 4


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A package that a lock file wants in versions that are not the one here (None: none)."""

    package: str
    wanted: tuple[str, ...]
    installed: str | None


@dataclass(frozen=True, slots=True)
class OtherCode:
    """A snapshot whose metrics a commit records, made by code that the commit lacks."""

    snapshot: str
    snapshot_commit: str
    commit: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outdated:
    """A metrics file as HEAD has it: the commit that recorded it, and the code changed since."""

    path: str
    recorded_at: str
    paths: tuple[str, ...]


def check_large_files(sizes: Mapping[str, int], limit_bytes: int) -> list[Finding]:
    """Find files in Git's index that are larger than the limit (``large-file-in-git``)."""
    found = []
    for path, size_bytes in sizes.items():
        if size_bytes > limit_bytes:
            why = (
                f"Git has {path} of {format_bytes(size_bytes)}, which every clone carries for good;"
                f" the limit is {format_bytes(limit_bytes)}."
            )
            quoted = quote_path(path)
            fix = f"git rm --cached -- {quoted} && jupyter mlops snapshot {quoted}"
            found.append(Finding("large-file-in-git", "warning", why, fix, subject=path, file=path))
    return found


def check_environment(file: str, mismatches: Sequence[Mismatch], fix: str) -> list[Finding]:
    """Find that packages are not those that the lock ``file`` says (``environment-differs``)."""
    if not mismatches:
        return []
    told = [_tell(one) for one in mismatches[:_NAMED_PATHS]]
    rest = len(mismatches) - len(told)
    more = f", and {rest} more" if rest else ""
    why = f"The packages here are not those of {file}: {'; '.join(told)}{more}."
    return [Finding("environment-differs", "warning", why, fix, subject=file, file=file)]


def _tell(one: Mismatch) -> str:
    wanted = " or ".join(one.wanted[:3])
    if one.installed is None:
        return f"{one.package} {wanted} is not installed"
    return f"{one.package} is {one.installed}, not {wanted}"


def check_snapshots(differing: Iterable[OtherCode]) -> list[Finding]:
    """Find that a commit's numbers come from other code (``snapshot-other-code``)."""
    found = []
    for one in differing:
        why = (
            f"{one.commit} records the metrics of snapshot {one.snapshot}, which was taken with"
            f" other code: {name_paths(one.paths)}."
        )
        words = " ".join(quote_path(path) for path in one.paths[:_NAMED_PATHS])
        fix = f"git diff {one.snapshot_commit} {one.commit} -- {words}"
        found.append(
            Finding(
                "snapshot-other-code", "warning", why, fix, subject=one.snapshot, file=one.paths[0]
            )
        )
    return found


def check_recorded(outdated: Iterable[Outdated]) -> list[Finding]:
    """Find metrics whose notebook or script changed since (``metrics-of-other-code``)."""
    return [
        Finding(
            "metrics-of-other-code",
            "warning",
            f"{one.path} was recorded in {one.recorded_at}, and since then changed:"
            f" {name_paths(one.paths)}.",
            _run_again(one.paths),
            subject=one.path,
            file=one.path,
        )
        for one in outdated
    ]


def _run_again(paths: Sequence[str]) -> str:
    notebook = next((path for path in paths if path.endswith(".ipynb")), None)
    if notebook is None:
        return "Run what records it again, and commit the file."
    return f"jupyter nbconvert --to notebook --execute --inplace {quote_path(notebook)}"


def name_paths(paths: Sequence[str]) -> str:
    """Return some of ``paths`` in one text, and how many more there are."""
    rest = len(paths) - _NAMED_PATHS
    return ", ".join(paths[:_NAMED_PATHS]) + (f" and {rest} more" if rest > 0 else "")
