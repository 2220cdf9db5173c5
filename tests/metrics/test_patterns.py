from __future__ import annotations

import subprocess

import pytest

from jupyter_mlops.metrics.patterns import compile_patterns, literal_folders, plain_patterns
from tests.support.project import Project

PATHS = [
    "metrics/a.json",
    "metrics/deep/er/b.json",
    "metrics/.hidden.json",
    "metrics/a.yaml",
    "metrics.json",
    "other/metrics/c.json",
    "metrics/mit leer zeichen/ü.json",
    "metrics/[x].json",
    "m/a1.json",
    "m/a2.json",
    "m/ab.json",
]


@pytest.mark.parametrize(
    "pattern",
    [
        "metrics/**/*.json",
        "metrics/*.json",
        "**/*.json",
        "**/metrics/**",
        "metrics.json",
        "metrics/",
        "m/a[0-9].json",
        "m/a[!0-9].json",
        "m/a?.json",
        r"metrics/\[x\].json",
        "metrics/**",
        "./m/*.json",
        "*",
    ],
)
def test_matches_what_git_matches(project: Project, pattern: str) -> None:
    for path in PATHS:
        project.write(path, "{}")
    project.commit("files")
    (plain,) = plain_patterns((pattern,))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", f":(top,glob){plain}"],
        cwd=project.root,
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
    ).stdout
    ours = {path for path in [*PATHS, "README.md"] if compile_patterns((pattern,))(path)}
    assert ours == set(filter(None, listed.split("\0")))


def test_no_patterns_match_nothing() -> None:
    assert not compile_patterns(())("metrics/a.json")


@pytest.mark.parametrize(
    ("patterns", "folders"),
    [
        (("metrics/**/*.json",), ("metrics",)),
        (("metrics/**/*.json", "metrics/eval/*.json"), ("metrics",)),
        (("metrics/*.json", "metrics2/*.json"), ("metrics", "metrics2")),
        (("a/b/c.json", "a/d*/e.json"), ("a",)),
        (("**/x.json", "a/b.json"), ("",)),
        (("results.json",), ("",)),
    ],
)
def test_literal_folders_hold_all_matches(
    patterns: tuple[str, ...], folders: tuple[str, ...]
) -> None:
    assert literal_folders(patterns) == folders
