from __future__ import annotations

import re
import subprocess
import sys
import warnings

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

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
        "**/**/*.json",
        "m[+-9]a1.json",
        "m/a[!-0].json",
        "m/a[-0-1].json",
        "m/**/a1.json",
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


def test_a_range_with_nothing_in_it_is_refused() -> None:
    with pytest.raises(ValueError, match="'z-a' ends before it begins"):
        compile_patterns(("metrics/[z-a].json",))


HOSTILE = [
    ("metrics/" + "*a" * 40 + "z", "metrics/" + "a" * 250),
    ("metrics/" + "*?" * 40 + "[z]", "metrics/" + "a" * 250),
    ("metrics/*" + "a" * 200 + "z", "metrics/" + "a" * 250),
    ("**/*a/" * 40 + "z", "aa/" * 200 + "a"),
    ("**/" * 300 + "z", "a/" * 1000 + "a"),
    ("[a-b]*" * 100 + "z", "a" * 250),
]


@pytest.mark.parametrize("at", range(len(HOSTILE)))
def test_no_pattern_takes_long(at: int) -> None:
    """In a process of its own: a regular expression that backtracks can only be killed."""
    program = (
        "import sys; from jupyter_mlops.metrics.patterns import compile_patterns as c;"
        "sys.exit(c((sys.argv[1],))(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", program, *HOSTILE[at]], check=True, timeout=20)


def _translate(pattern: str) -> str:
    """Return a regular expression that says the same, far shorter and far slower."""
    parts = pattern.removeprefix("./").lstrip("/").split("/")
    if len(parts) > 1 and not parts[-1]:
        parts[-1] = "**"
    text = ""
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "**":
            text += "(?s:.+)" if last else "(?:[^/]+/)*"
        else:
            text += _translate_part(part) + ("" if last else "/")
    return text


def _translate_part(part: str) -> str:
    text, at = "", 0
    while at < len(part):
        char = part[at]
        closing = part.find("]", at + 2) if char == "[" else -1
        if char == "*":
            text += "[^/]*"
        elif char == "?":
            text += "[^/]"
        elif closing > 0:
            inner = part[at + 1 : closing].replace("\\", "\\\\")
            if inner in ("!", "^"):
                text += "[^/]"
            else:
                text += "(?!/)[" + ("^" + inner[1:] if inner[0] in "!^" else inner) + "]"
            at = closing
        elif char == "\\" and at + 1 < len(part):
            at += 1
            text += re.escape(part[at])
        else:
            text += re.escape(char)
        at += 1
    return text


PIECES = ["a", "b", ".", "/", "/", "*", "**", "**/", "/**", "?", "[", "]", "!", "^", "-", "\\"]
PIECES += ["[ab]", "[!a]", "[a-c]", "[^-a]", "[]-a]", "\n", "é", "./"]


@given(
    st.lists(st.sampled_from(PIECES), max_size=9).map("".join),
    st.lists(st.text("ab./\n]-\\é[!", max_size=8), min_size=1, max_size=6),
)
@example("a/**/b", ["a/b", "a//b", "a/a/b", "a/", "a"])
@example("a/**", ["a/", "a//", "a/b/", "a"])
@example("**", ["", "/", "a"])
@example("", ["", "a"])
@example("[--a][a-]", ["-a", "a-", "/a"])
def test_says_what_a_regular_expression_says(pattern: str, paths: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        try:
            oracle = re.compile(_translate(pattern))
        except re.error:
            with pytest.raises(ValueError, match="ends before"):
                compile_patterns((pattern,))
            return
    matches = compile_patterns((pattern,))
    assert [matches(path) for path in paths] == [bool(oracle.fullmatch(path)) for path in paths]


@given(st.data())
def test_what_a_pattern_was_made_from_matches(data: st.DataObject) -> None:
    """So that the test above is not one of mismatches alone."""
    path = data.draw(st.text("ab./", min_size=1, max_size=12))
    assume(not path.startswith(("/", "./")) and not path.endswith("/"))
    pattern = "".join(
        char if char == "/" else data.draw(st.sampled_from([char, "?", "*", "[a-b.]", "[!z]"]))
        for char in path
    )
    assume("**" not in pattern.split("/"))
    assert re.fullmatch(_translate(pattern), path)
    assert compile_patterns((pattern,))(path)
