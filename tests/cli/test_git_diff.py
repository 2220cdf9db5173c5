"""Notebooks as Git shows them: real Git, the launcher, a process a file."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from jupyter_mlops.commands.clone import ensure_clone
from jupyter_mlops.git.attributes import ATTRIBUTE_LINES
from jupyter_mlops.git.launcher import (
    FREEING_COMMAND,
    Installation,
    format_launcher,
    launcher_path,
)
from jupyter_mlops.git.repository import open_repository
from tests.notebooks.conftest import code, notebook_bytes
from tests.support.project import Project, make_project

pytestmark = pytest.mark.usefixtures("git_starts_forks")

LOAD = code("import pandas as pd\nframe = pd.read_csv('train.csv')", id="load")
FIT = code("model.fit(frame, rate=0.1)", id="fit")
PLOT = code("frame.plot()", id="plot")
OLD = notebook_bytes([LOAD, FIT, PLOT], kernelspec={"name": "python3"})
NEW = notebook_bytes(
    [PLOT | {"outputs": []}, LOAD, code("model.fit(frame, rate=0.5)", id="fit")],
    kernelspec={"name": "python3"},
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a committed notebook, and a newer version in the working tree."""
    project = make_project(tmp_path_factory.mktemp("made") / "project")
    project.write(".gitattributes", "\n".join(ATTRIBUTE_LINES) + "\n")
    ensure_clone(open_repository(project.root))
    project.write("sub/a b.ipynb", OLD)
    project.commit("Notebook")
    project.write("sub/a b.ipynb", NEW)
    return project.root


@pytest.fixture
def diffing(made: Path, tmp_path: Path) -> Project:
    """A copy of it."""
    return Project(shutil.copytree(made, tmp_path / "project", symlinks=True))


EXPECTED = """\
diff --git a/sub/a b.ipynb b/sub/a b.ipynb
── moved · code cell 3 → 1 · plot
 frame.plot()

── edited · code cell 3 · fit
-model.fit(frame, rate=0.1)
+model.fit(frame, rate=0.5)

"""


def test_git_diff_shows_cells_and_which_were_moved(diffing: Project) -> None:
    assert diffing.git("diff") == EXPECTED
    assert "sub/a b.ipynb | " in diffing.git("diff", "--stat")
    elsewhere = Project(diffing.root / "sub")
    assert elsewhere.git("diff", "HEAD") == EXPECTED


def test_colour_is_gits_and_marks_the_words_that_differ(diffing: Project) -> None:
    painted = diffing.git("-c", "color.diff=always", "diff")
    assert (
        "\x1b[31m-model.fit(frame, rate=0.\x1b[0m\x1b[31m\x1b[7m1\x1b[0m\x1b[31m)\x1b[0m" in painted
    )
    pager = {"GIT_PAGER_IN_USE": "true", "TERM": "xterm"}
    in_pager = diffing.git("diff", env=pager)
    assert in_pager == painted
    unwanted = diffing.git("-c", "color.ui=never", "diff", env=pager)
    assert unwanted == EXPECTED


def test_log_and_show_compare_notebooks_as_text(diffing: Project) -> None:
    diffing.commit("Faster")
    shown = diffing.git("show", "--format=")
    assert {"-model.fit(frame, rate=0.1)", "+model.fit(frame, rate=0.5)"} <= {*shown.splitlines()}
    assert "outputs" not in shown
    assert diffing.git("log", "-p", "--format=", "-1") == shown
    words = diffing.git("diff", "--no-ext-diff", "--word-diff", "-U0", "HEAD~")
    assert "[-rate=0.1)-]" in words
    assert "{+rate=0.5)+}" in words


def test_a_hunk_says_in_which_cell_it_is(diffing: Project) -> None:
    long = "\n".join(f"line {number}" for number in range(20))
    diffing.write("long.ipynb", notebook_bytes([code(long, id="long")]))
    diffing.commit("Long")
    diffing.write("long.ipynb", notebook_bytes([code(long + "\nmore", id="long")]))
    assert " @@ code long\n" in diffing.git("diff", "--no-ext-diff", "long.ipynb")


def test_blame_names_the_commit_of_a_line_of_code(diffing: Project) -> None:
    newer = diffing.commit("Faster")
    blamed = subprocess.run(
        ["git", "blame", "-l", "-s", "sub/a b.ipynb"],
        cwd=diffing.root,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(one for one in blamed.stdout.splitlines() if "rate=0.5" in one)
    assert line.startswith(newer)
    assert blamed.stderr == ""


def test_notebooks_that_are_new_gone_and_renamed_say_so(diffing: Project) -> None:
    diffing.git("add", ".")
    diffing.git("mv", "sub/a b.ipynb", "c.ipynb")
    renamed = diffing.git("diff", "--cached", "-M20")
    assert renamed.startswith(
        "diff --git a/sub/a b.ipynb b/c.ipynb\nrename from sub/a b.ipynb\nrename to c.ipynb\n── "
    )
    apart = diffing.git("diff", "--cached", "--no-renames")
    assert "diff --git a/c.ipynb b/c.ipynb\nnew file mode 100644\n" in apart
    assert "diff --git a/sub/a b.ipynb b/sub/a b.ipynb\ndeleted file mode 100644\n" in apart
    assert "── added · code cell 2 · load\n+import pandas as pd\n" in apart
    assert "── removed · code cell 1 · load\n-import pandas as pd\n" in apart


def test_a_change_that_nobody_reads_says_so(diffing: Project) -> None:
    noisy: dict[str, Any] = {
        "kernelspec": {"name": "python3"},
        "language_info": {"version": "3.12"},
    }
    diffing.write("sub/a b.ipynb", notebook_bytes([LOAD, FIT, PLOT], **noisy))
    assert "\nNo cell changed, only " in diffing.git("diff")


def test_keys_that_nbstripout_strips_are_no_change(diffing: Project) -> None:
    diffing.git("config", "filter.nbstripout.extrakeys", "metadata.kernelspec")
    diffing.write("sub/a b.ipynb", notebook_bytes([LOAD, FIT], kernelspec={"name": "other"}))
    assert "kernelspec" not in diffing.git("diff")
    assert "kernelspec" not in diffing.git("diff", "--no-ext-diff")


@pytest.mark.parametrize("gone", ["launcher", "environment"])
def test_without_us_git_shows_the_json(diffing: Project, gone: str) -> None:
    diffing.commit("Faster")
    launcher = launcher_path(open_repository(diffing.root))
    if gone == "launcher":
        launcher.unlink()
    else:
        launcher.write_bytes(format_launcher(Installation(Path("/gone"), Path("/gone"))))
    diffing.git(*FREEING_COMMAND.split()[1:])
    env = {"PATH": "/usr/bin:/bin"}
    for args in (("show", "--format="), ("diff", "HEAD~", "HEAD"), ("diff", "HEAD~")):
        assert '+    "model.fit(frame, rate=0.5)"' in diffing.git(*args, env=env)


def test_what_is_no_notebook_is_shown_as_it_is(diffing: Project) -> None:
    text = '{"cells": [\n<<<<<<< ours\n'
    diffing.write("sub/a b.ipynb", text)
    shown = diffing.git("diff")
    assert "+<<<<<<< ours\n" in shown
    diffing.commit("Broken")
    assert "+<<<<<<< ours\n" in diffing.git("show", "--format=")


def test_nothing_of_a_notebook_steers_the_terminal(diffing: Project) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\r\u202e"
    cells = [
        code(f"{evil}\n<script>", id=f"i{evil}\n-", metadata={f"{evil}\n": [evil, "\n"]}),
        code("x", cell_type=f"co{evil}de", id="x"),
    ]
    diffing.write("sub/a b.ipynb", notebook_bytes(cells, **cast(Any, {evil: evil})))
    for options in ((), ("--no-ext-diff",)):
        shown = diffing.git("diff", *options)
        assert "\\x1b]0;owned\\x07" in shown
        assert not set("\x1b\x07\r\u202e") & set(shown)


def test_a_file_name_steers_no_shell(diffing: Project) -> None:
    name = "$(touch pwned) `touch pwned` ; ' \".ipynb"
    diffing.write(name, OLD)
    diffing.commit("Odd name")
    diffing.write(name, NEW)
    assert "── edited · code cell 3 · fit" in diffing.git("diff")
    assert "+model.fit(frame, rate=0.5)" in diffing.git("diff", "--no-ext-diff")
    assert not list(diffing.root.rglob("pwned"))


def browser(folder: Path) -> tuple[str, Path]:
    """Return a program that keeps the page it is given, and where it keeps it."""
    page = folder / "page.html"
    script = folder / "browser"
    script.write_text(f'#!/bin/sh\ncp "${{1#file://}}" "{page}"\n')
    script.chmod(0o755)
    return str(script), page


def test_difftool_opens_a_page(diffing: Project, tmp_path: Path) -> None:
    program, page = browser(tmp_path)
    env = {"BROWSER": program, "TMPDIR": str(tmp_path)}
    diffing.write("sub/a b.ipynb", NEW.replace(b"rate=0.5", b"rate=<script>"))
    diffing.git("difftool", "--no-prompt", "--tool=mlops-notebook", env=env)
    shown = page.read_text("utf-8")
    assert "<h1>a b.ipynb</h1>" in shown or "<h1>sub/a b.ipynb</h1>" in shown
    assert '<b class="mlops-plain">moved</b> code cell 3 → 1 · plot' in shown
    assert "<script" not in shown


def test_difftool_without_a_browser_prints(diffing: Project, tmp_path: Path) -> None:
    env = {"BROWSER": "/bin/false", "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    printed = diffing.git("difftool", "--no-prompt", "--tool=mlops-notebook", env=env)
    assert "── moved · code cell 3 → 1 · plot" in printed
    assert list(tmp_path.glob("jupyter-mlops-*")) == []


def test_another_difftool_gets_notebooks_too(diffing: Project) -> None:
    printed = diffing.git("difftool", "--no-prompt", "--extcmd=echo compared")
    assert printed.startswith("compared ")


def test_a_pager_that_is_left_early_is_no_error(diffing: Project) -> None:
    diffing.write("sub/a b.ipynb", notebook_bytes([code(("x" * 99 + "\n") * 50_000, id="x")]))
    with subprocess.Popen(
        ["git", "diff"], cwd=diffing.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.read(10) == b"diff --git"
        running.stdout.close()
        said = running.stderr.read()
    assert (running.returncode, said) == (0, b"")
