from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from jupyter_mlops.commands.journals import is_aside
from jupyter_mlops.commands.notebook_verdict import NotebookVerdict, notebook_verdict
from jupyter_mlops.commands.snapshot import snapshot
from jupyter_mlops.commands.verifications import Verification, write_verification
from jupyter_mlops.document.render_html import render_html
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.notebooks.verdict import VerdictWord
from tests.notebooks.conftest import code, notebook_bytes
from tests.notebooks.journals import NOON, Ran, put_journal
from tests.support.data_project import DataProject

A, B = Ran("a = 1", "ia"), Ran("b = 2", "ib")
NOTEBOOK = notebook_bytes([code("a = 1", id="ia"), code("b = 2", id="ib")])


def verdict(project: DataProject, *words: str, rev: str | None = None) -> NotebookVerdict:
    (one,) = notebook_verdict(project.open(), words, rev=rev).notebooks
    return one


@pytest.fixture
def project(data_project: DataProject) -> DataProject:
    data_project.write("train.ipynb", NOTEBOOK)
    data_project.commit("A notebook")
    return data_project


def test_without_a_journal_nothing_is_known(project: DataProject) -> None:
    one = verdict(project)
    assert (one.path, one.verdict, one.cells) == ("train.ipynb", "unknown", ())
    assert one.why == "No kernel that had loaded the extension ran it here."


def test_notebooks_that_git_does_not_track_are_listed_unless_it_ignores_them(
    project: DataProject,
) -> None:
    project.write(".gitignore", "ignored.ipynb\n")
    names = ("new é.ipynb", "sub/new.ipynb", "ignored.ipynb", ".ipynb_checkpoints/new.ipynb")
    for name in names:
        project.write(name, NOTEBOOK)
    found = notebook_verdict(project.open("sub")).notebooks
    assert [one.path for one in found] == ["new é.ipynb", "sub/new.ipynb", "train.ipynb"]
    assert {one.verdict for one in found} == {"unknown"}


def test_the_newest_kernel_counts(project: DataProject) -> None:
    put_journal(project, B, A)
    assert verdict(project).verdict == "out of order, replayable"
    put_journal(project, A, B, later=1)
    put_journal(project, Ran("other"), later=2, notebook="other.ipynb")
    put_journal(project, Ran("none"), later=3, notebook=None)
    one = verdict(project)
    assert (one.verdict, one.order) == ("clean", (1, 2))


def test_the_kernel_that_ran_a_cell_last_counts(project: DataProject) -> None:
    """Of two that live at the same time; what only looks runs nothing."""
    evening = NOON + timedelta(hours=8)
    put_journal(project, A, B, Ran("%mlops status", at=evening))
    put_journal(project, B, A, later=1)
    assert verdict(project).verdict == "out of order, replayable"
    put_journal(project, A, B, Ran("z", at=evening))
    assert verdict(project).verdict == "used deleted or edited code"
    assert verdict(project, rev=project.snapshot().id).verdict == "used deleted or edited code"


def noted(at: datetime) -> bytes:
    """Return the notebook with what nbconvert and papermill write beside the outputs."""
    note = {"execution": {"iopub.execute_input": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "x": 1}}
    cells = [code("a = 1", id="ia", metadata=note), code("b = 2", id="ib")]
    return notebook_bytes(cells)


def test_a_kernel_that_knows_no_notebook_counts_for_the_one_that_says_when_it_ran(
    project: DataProject,
) -> None:
    put_journal(project, A, Ran("z"), B)
    later = NOON + timedelta(hours=1)
    end = Ran("b = 2", at=later + timedelta(seconds=3))
    put_journal(project, Ran("a = 1", at=later), end, later=1, notebook=None)
    # As after `nbconvert --to html`, which leaves the file alone.
    assert verdict(project).verdict == "used deleted or edited code"
    for seconds, word in ((-1, "used deleted or edited code"), (2, "clean"), (60, None)):
        project.write("train.ipynb", noted(later + timedelta(seconds=seconds)))
        assert verdict(project).verdict == (word or "used deleted or edited code")
    project.write("train.ipynb", noted(later))
    assert verdict(project, rev=project.snapshot().id).verdict == "clean"
    project.write("train.ipynb", noted(later).replace(b"2026-", b"\\u0000-"))
    assert verdict(project).verdict == "used deleted or edited code"


OTHER = NOTEBOOK.replace(b"b = 2", b"b = 3")


def git_at(project: DataProject, hour: int, *words: str) -> None:
    """Run Git as it would be then; :func:`ran_at` is in the same hours."""
    at = f"@{int(NOON.timestamp()) + 10**9 + 3600 * hour} +0000"
    project.git(*words, env={"GIT_COMMITTER_DATE": at})


def ran_at(project: DataProject, hour: int, source: str) -> None:
    at = NOON + timedelta(seconds=10**9, hours=hour)
    put_journal(project, Ran("a = 1", "ia", at=at), Ran(source, "ib", at=at), later=hour)


def test_a_version_that_git_brought_is_not_judged_by_the_run_of_another(
    project: DataProject,
) -> None:
    git_at(project, 0, "switch", "-c", "feat")
    ran_at(project, 1, "b = 3")
    project.write("train.ipynb", OTHER)
    git_at(project, 2, "commit", "-qam", "Other")
    git_at(project, 3, "switch", "-")
    ran_at(project, 4, "b = 2")
    assert verdict(project).verdict == "clean"
    git_at(project, 5, "switch", "feat")
    one = verdict(project)
    assert (one.verdict, one.cells) == ("unknown", ())
    assert one.why == "Another version of it ran here last, and Git wrote this one since."
    assert verdict(project, rev=project.snapshot().id).verdict == "unknown"
    git_at(project, 6, "switch", "-")
    assert verdict(project).verdict == "clean"


def test_what_was_edited_after_its_run_stays_so_in_commits(project: DataProject) -> None:
    ran_at(project, 1, "b = 2")
    project.write("train.ipynb", OTHER)
    git_at(project, 2, "commit", "-qam", "Edited after the run")
    assert verdict(project).verdict == "used deleted or edited code"
    git_at(project, 3, "rebase", "--force-rebase", "HEAD~1")
    assert verdict(project).verdict == "used deleted or edited code"
    # Undone by hand, with the outputs of the other version.
    ran_at(project, 4, "b = 3")
    project.write("train.ipynb", NOTEBOOK)
    git_at(project, 5, "commit", "-qam", "Undone")
    assert verdict(project).verdict == "used deleted or edited code"


def test_a_version_that_git_brought_is_known_where_a_snapshot_has_its_run(
    project: DataProject,
) -> None:
    ran_at(project, 1, "b = 2")
    project.snapshot()
    git_at(project, 2, "switch", "-c", "feat")
    project.write("train.ipynb", OTHER)
    git_at(project, 3, "commit", "-qam", "Other")
    ran_at(project, 4, "b = 3")
    assert verdict(project).verdict == "clean"
    git_at(project, 5, "switch", "-")
    assert verdict(project).verdict == "clean"
    project.write("train.ipynb", NOTEBOOK.replace(b"b = 2", b"b = 4"))
    assert verdict(project).verdict == "used deleted or edited code"


def test_a_copy_that_is_gone_takes_nothing_over(project: DataProject) -> None:
    put_journal(project, A, B)
    put_journal(project, B, A, later=1, notebook="train-Copy1.ipynb")
    assert verdict(project).verdict == "clean"


def test_a_snapshot_of_a_renamed_notebook_keeps_what_ran(project: DataProject) -> None:
    put_journal(project, A, B)
    project.git("mv", "train.ipynb", "moved.ipynb")
    project.commit("Renamed")
    assert verdict(project, "moved.ipynb").verdict == "clean"
    assert verdict(project, "moved.ipynb", rev=project.snapshot().id).verdict == "clean"


def test_a_notebook_that_was_edited_since(project: DataProject) -> None:
    put_journal(project, A, B)
    project.write("train.ipynb", NOTEBOOK.replace(b"b = 2", b"b = 3"))
    one = verdict(project)
    assert one.verdict == "used deleted or edited code"
    assert [(c.role, c.cell, c.id, c.source) for c in one.cells] == [("edited", 2, "ib", "b = 2")]


def test_a_notebook_that_was_edited_and_run_but_not_saved(project: DataProject) -> None:
    put_journal(project, A, Ran("b = 9", "ib"))
    file = project.root / "train.ipynb"
    for seconds, is_older in ((NOON.timestamp() - 1, True), (NOON.timestamp() + 1, False)):
        os.utime(file, (seconds, seconds))
        assert verdict(project).not_saved_since == is_older
        told = render_text(notebook_verdict(project.open()).describe())
        assert ("as it was last saved" in " ".join(told.split())) == is_older


@pytest.mark.parametrize(
    "damage", ["cut", "changed", "newer", "empty", "link", "huge", "no journal"]
)
def test_a_journal_that_cannot_be_believed_is_never_passed_over(
    project: DataProject, damage: str
) -> None:
    """The one before it would be the wrong one."""
    put_journal(project, A, B)
    path = put_journal(project, A, Ran("z", "gone"), later=1)
    good = project.read(path)
    match damage:
        case "link":
            elsewhere = project.root.parent / "elsewhere"
            (project.root / path).rename(elsewhere)
            (project.root / path).symlink_to(elsewhere)
        case "huge":
            os.truncate(project.root / path, 2**40)
        case _:
            contents = {
                "cut": good[:-1],
                "changed": good.replace(b"gone", b"good"),
                "newer": good.replace(b'"format":0', b'"format":1'),
                "empty": b"",
                "no journal": b"{}\n",
            }
            project.write(path, contents[damage])
    one = verdict(project)
    assert one.verdict == "unknown"
    assert "damaged" in one.why
    put_journal(project, A, B, later=2)
    assert verdict(project).verdict == "clean"


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="not run: only root gives files away"
)
def test_a_journal_of_another_user_is_not_believed(project: DataProject) -> None:
    path = put_journal(project, A, B)
    os.chown(project.root / path, 12345, -1)
    assert verdict(project).verdict == "unknown"


def test_a_journal_that_ends_early_says_nothing(project: DataProject) -> None:
    put_journal(project, A, B, stopped=True)
    one = verdict(project)
    assert (one.verdict, one.why) == (
        "unknown",
        "The journal of its kernel was not kept to the end.",
    )


@pytest.mark.parametrize("content", [b"{", b"", b"[]", b'{"cells": 3, "nbformat": 4}'])
def test_files_that_are_no_notebooks(project: DataProject, content: bytes) -> None:
    put_journal(project, A, B)
    project.write("train.ipynb", content)
    assert verdict(project).verdict == "unknown"


def test_a_snapshot_keeps_what_ran(project: DataProject) -> None:
    put_journal(project, A, B)
    taken = project.snapshot()
    assert verdict(project, rev=taken.id).verdict == "clean"
    # What happens afterwards makes no other past.
    put_journal(project, Ran("z", "gone"), A, later=1)
    assert verdict(project).verdict == "used deleted or edited code"
    assert verdict(project, rev=taken.id).verdict == "clean"
    again = project.snapshot()
    assert verdict(project, rev=again.id).verdict == "used deleted or edited code"


def test_a_commit_is_judged_by_the_snapshot_that_has_its_notebook(project: DataProject) -> None:
    project.write("train.ipynb", NOTEBOOK.replace(b"b = 2", b"b = 3"))
    put_journal(project, A, Ran("b = 3", "ib"))
    project.snapshot()
    project.commit("As it ran")
    assert verdict(project, rev="HEAD").verdict == "clean"
    before = verdict(project, rev="HEAD~1")
    assert before.verdict == "unknown"
    assert before.why == "No snapshot of it as it is here has a journal of its run."


def test_a_branch_made_of_a_snapshot_has_no_journal(project: DataProject) -> None:
    put_journal(project, A, B)
    taken = project.snapshot()
    ref = f"refs/mlops/snapshots/{taken.id}"
    assert ".mlops/journal.jsonl" in project.git("ls-tree", "-r", "--name-only", ref)
    project.mlops("snapshot", "branch", taken.id, "topic")
    assert ".mlops" not in project.git("ls-tree", "-r", "--name-only", "topic")
    project.mlops("restore", taken.id, "--code")
    assert not (project.root / ".mlops").exists()


def test_a_snapshot_has_no_secrets_of_cells_that_are_gone(project: DataProject) -> None:
    """A snapshot may be pushed; what stands in the notebook it has anyway."""
    here, gone = (f"token = 'ghp_{letter * 36}'" for letter in "aB")
    project.write("train.ipynb", notebook_bytes([code(here, id="ia"), code("b = 2", id="ib")]))
    put_journal(project, Ran(here, "ia"), Ran(gone), Ran(gone + "\n#"), Ran("z"), B)
    taken = snapshot(project.open(), ())
    kept = project.git("show", f"refs/mlops/snapshots/{taken.id}:.mlops/journal.jsonl")
    assert ("ghp_a" in kept, "ghp_B" in kept) == (True, False)
    (told,) = taken.outputs_not_kept
    assert told.startswith("The code of 2 cells that ran and stands in no notebook is not kept")
    one = verdict(project, rev=taken.id)
    assert one.verdict == "used deleted or edited code"
    assert one.why.startswith("“# left out: a secret may have been in it” and “z” ran")


def test_a_snapshot_leaves_out_what_may_be_of_another_run(project: DataProject) -> None:
    put_journal(project, A, B)
    put_journal(project, A, later=1, content=b"damaged")
    assert verdict(project, rev=project.snapshot().id).verdict == "unknown"


def test_what_came_of_a_replay_is_said_from_then_on(project: DataProject) -> None:
    put_journal(project, A, B)
    repo = open_repository(project.root)
    commit = project.git("rev-parse", "HEAD").strip()
    at = datetime(2026, 5, 1, tzinfo=UTC)
    write_verification(
        repo, Verification(commit, "train.ipynb", VerdictWord.VERIFIED, "It ran.", at)
    )
    for rev in (None, "HEAD"):
        one = verdict(project, rev=rev)
        assert (one.verdict, one.replay, one.replayed_at) == ("verified", "It ran.", at)
    assert one.run == "unknown"
    failed = Verification(commit, "train.ipynb", VerdictWord.FAILED_REPLAY, "It did not.", at)
    write_verification(repo, failed)
    assert verdict(project).verdict == "failed replay"
    # A run since counts where running all may come to something else.
    put_journal(project, Ran("a = 1", "ia", at=at), Ran("b = 2", "ib", at=at), later=24 * 365)
    assert verdict(project).verdict == "failed replay"
    since = at + timedelta(seconds=1)
    put_journal(project, A, Ran("z"), Ran("b = 2", "ib", at=since), later=24 * 366)
    assert verdict(project).verdict == "used deleted or edited code"
    # Another notebook than HEAD's was not run.
    project.write("train.ipynb", NOTEBOOK.replace(b"b = 2", b"b = 3"))
    assert verdict(project).replay is None


def test_a_snapshot_keeps_its_verification_when_it_gets_a_name(project: DataProject) -> None:
    taken = project.snapshot()
    at = datetime(2026, 5, 1, tzinfo=UTC)
    repo = open_repository(project.root)
    write_verification(
        repo, Verification(taken.id, "train.ipynb", VerdictWord.VERIFIED, "It ran.", at)
    )
    project.mlops("snapshot", "name", taken.id, "best")
    assert verdict(project, rev="best").verdict == "verified"


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[" * 10_000, b'{"format":1}', b"x" * 2 * 1024**2]
)
def test_verifications_that_cannot_be_believed(project: DataProject, content: bytes) -> None:
    repo = open_repository(project.root)
    commit = project.git("rev-parse", "HEAD").strip()
    at = datetime(2026, 5, 1, tzinfo=UTC)
    write_verification(
        repo, Verification(commit, "train.ipynb", VerdictWord.VERIFIED, "It ran.", at)
    )
    (file,) = (repo.store_dir / "verifications").iterdir()
    for other in (content, file.read_bytes().replace(b"verified", b"clean")):
        file.chmod(0o644)
        file.write_bytes(other)
        assert verdict(project, rev="HEAD").verdict == "unknown"


def test_all_notebooks_and_named_ones(project: DataProject) -> None:
    project.write("deep/b.ipynb", NOTEBOOK)
    project.write("ran.ipynb", NOTEBOOK)
    project.commit("Another", "deep")
    put_journal(project, A, B, notebook="ran.ipynb")
    found = notebook_verdict(project.open()).notebooks
    assert [(one.path, one.verdict) for one in found] == [
        ("deep/b.ipynb", "unknown"),
        ("ran.ipynb", "clean"),
        ("train.ipynb", "unknown"),
    ]
    assert verdict(project, "deep/b.ipynb").path == "deep/b.ipynb"
    assert verdict(project, "./train.ipynb", rev="HEAD").path == "train.ipynb"
    with pytest.raises(UsageError):
        verdict(project, "mlops.toml")
    for name, rev in (("none.ipynb", None), ("ran.ipynb", "HEAD")):
        with pytest.raises(NotFoundError) as caught:
            verdict(project, name, rev=rev)
        assert caught.value.hints


def test_what_is_hostile_is_shown_as_text(project: DataProject) -> None:
    script = "<script>alert(1)</script>"
    cells = [code("a = 1", id="\x1b[2J\u202e"), code(script, id=script)]
    project.write("train.ipynb", notebook_bytes(cells))
    put_journal(project, Ran(f"\x1b]0;x{script}", "\x1b[2J\u202e"), Ran(script, script))
    result = notebook_verdict(project.open())
    (one,) = result.notebooks
    assert one.verdict == "used deleted or edited code"
    text, html = render_text(result.describe()), render_html(result.describe())
    assert "<script>" not in html
    for shown in (text, html, json.dumps([one.why, one.cells[0].id, one.cells[0].source])):
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_words_of_the_command_line(project: DataProject) -> None:
    put_journal(project, B, A)
    done = project.mlops("notebook", "verdict")
    assert done.returncode == 0
    assert "out of order, replayable" in done.stdout
    assert "Cell 1 (ia) ran after a cell below it." in done.stdout
    assert verdict(project).order == (2, 1)


@pytest.mark.parametrize(
    ("source", "aside"),
    [
        ("%snapshot data -m 'a name'", True),
        ("# keep it\n%snapshot\n\n%mlops status", True),
        ("%load_ext jupyter_mlops", True),
        ("%metrics show", True),
        ("%push", True),
        ("%mlops notebook verdict", True),
        ("%restore HEAD~1", False),
        ("%pull", False),
        ("%mlops", True),
        ("%mlops --help", True),
        ("%restore --help", True),
        ("%mlops notebook verify HEAD", True),
        ("%fetch", True),
        ("%reload_ext jupyter_mlops", True),
        ("%snapshot?", True),
        ("%snapshot \\\n  -m x", True),
        ("%snapshot \\\n  -m x\nx = 1", False),
        ("# text \\\nx = 1", False),
        ("%snapshot\n# text \\\nx = 1", False),
        ("%metrics show {train()}", False),
        ("%metrics show $x", False),
        ("%restore -m --help", False),
        ("%mlops undo", False),
        ("%snapshot\nx = 1", False),
        ("s = %snapshot", False),
        ("snapshot", False),
        ("%load_ext autoreload", False),
        ("", False),
        ("# text", False),
    ],
)
def test_cells_that_only_call_what_changes_nothing(source: str, aside: bool) -> None:
    assert is_aside(source) == aside
