"""The notebook filter as Git starts it: real Git, real launcher, processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebooks.conftest import NOT_NOTEBOOKS, NOTEBOOKS, code, notebook_bytes
from tests.notebooks.test_secrets import AWS, stream
from tests.support.project import IDENTITY, Project
from tests.support.start.sitecustomize import STANDBY

pytestmark = pytest.mark.usefixtures("git_starts_forks")

PLAIN = NOTEBOOKS["plain"]


@pytest.fixture
def mlops(project: Project) -> Project:
    """A project that ``init`` set up and that has committed it."""
    assert project.mlops("init").returncode == 0
    project.commit("Use jupyter-mlops")
    return project


def committed(project: Project, path: str, revision: str = "HEAD") -> bytes:
    return project.git("show", f"{revision}:{path}").encode()


def run(project: Project, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *args],
        cwd=project.root,
        env={**os.environ, **IDENTITY, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def index_files(project: Project) -> list[str]:
    return sorted(path.name for path in (project.root / ".git/mlops/index").glob("*.idx"))


def test_git_has_code_and_the_working_tree_outputs(mlops: Project) -> None:
    mlops.write("a b.ipynb", PLAIN)
    mlops.commit("Notebook")
    cell = json.loads(committed(mlops, "a b.ipynb"))["cells"][0]
    assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert mlops.read("a b.ipynb") == PLAIN
    assert mlops.git("status", "--porcelain") == ""
    mlops.write("a b.ipynb", PLAIN.replace(b"one", b"three"))
    assert mlops.git("diff") == ""
    assert "three" not in mlops.git("log", "-p")


@pytest.mark.parametrize("data", NOTEBOOKS.values(), ids=list(NOTEBOOKS))
def test_outputs_come_back_at_checkout(mlops: Project, data: bytes) -> None:
    mlops.write("nb.ipynb", data)
    mlops.commit("Notebook")
    blob = mlops.git("rev-parse", "HEAD:nb.ipynb")
    (mlops.root / "nb.ipynb").unlink()
    mlops.git("checkout", "--", "nb.ipynb")
    assert mlops.git("status", "--porcelain") == ""
    assert mlops.git("hash-object", "nb.ipynb") == blob
    if data.startswith(b"{\n") and b'"trusted"' not in data and b'"source": "' not in data:
        assert mlops.read("nb.ipynb") == data


def test_the_newest_run_of_the_same_code_comes_back(mlops: Project) -> None:
    for text in (b"three", b"four", b"three"):
        mlops.write("nb.ipynb", PLAIN.replace(b"one", text))
        mlops.git("add", "nb.ipynb")
        (mlops.root / "nb.ipynb").unlink()
        mlops.git("checkout", "--", "nb.ipynb")
        assert text in mlops.read("nb.ipynb")


def test_switching_branches_loses_no_outputs(mlops: Project) -> None:
    mlops.write("nb.ipynb", PLAIN)
    mlops.commit("On main")
    mlops.git("switch", "-q", "-c", "topic")
    other = notebook_bytes([code("y = 2\ny", outputs=[])])
    mlops.write("nb.ipynb", other)
    mlops.commit("On topic")
    mlops.git("switch", "-q", "main")
    assert mlops.read("nb.ipynb") == PLAIN
    mlops.git("switch", "-q", "topic")
    assert mlops.read("nb.ipynb") == other


def test_a_stash_loses_no_outputs(mlops: Project) -> None:
    mlops.write("nb.ipynb", PLAIN)
    mlops.commit("Notebook")
    edited = PLAIN.replace(b"x = 1", b"x = 2").replace(b"one", b"three")
    mlops.write("nb.ipynb", edited)
    mlops.git("stash", "-q")
    assert mlops.read("nb.ipynb") == PLAIN
    mlops.git("stash", "pop", "-q")
    assert mlops.read("nb.ipynb") == edited


def test_a_linked_worktree_has_the_same_outputs(mlops: Project, tmp_path: Path) -> None:
    mlops.write("folder/nb.ipynb", PLAIN)
    mlops.commit("Notebook")
    other = mlops.worktree(tmp_path / "linked", "HEAD")
    assert other.read("folder/nb.ipynb") == PLAIN
    other.write("folder/nb.ipynb", PLAIN.replace(b"one", b"there"))
    other.git("add", "folder")
    (mlops.root / "folder/nb.ipynb").unlink()
    mlops.git("checkout", "--", ".")
    assert b"there" in mlops.read("folder/nb.ipynb")


def test_a_merge_and_a_rebase_keep_what_was_run(mlops: Project) -> None:
    mlops.write("nb.ipynb", PLAIN)
    mlops.commit("Notebook")
    mlops.git("switch", "-q", "-c", "topic")
    mlops.write("other.ipynb", NOTEBOOKS["figure"])
    mlops.commit("Figure")
    mlops.git("switch", "-q", "main")
    mlops.write("code.py", "1\n")
    mlops.commit("Code")
    mlops.git("merge", "-q", "--no-edit", "topic")
    assert mlops.read("other.ipynb") == NOTEBOOKS["figure"]
    mlops.git("switch", "-q", "topic")
    mlops.git("rebase", "-q", "main~1")
    assert mlops.read("nb.ipynb") == PLAIN
    assert mlops.read("other.ipynb") == NOTEBOOKS["figure"]
    assert mlops.git("status", "--porcelain") == ""


def test_nothing_new_writes_nothing(mlops: Project) -> None:
    mlops.write("nb.ipynb", PLAIN)
    mlops.commit("Notebook")
    before = index_files(mlops)
    for _ in range(2):
        os.utime(mlops.root / "nb.ipynb", (1, 1))
        mlops.git("add", "nb.ipynb")
        mlops.git("diff")
    shutil.copy(mlops.root / "nb.ipynb", mlops.root / "copy.ipynb")
    mlops.git("add", "copy.ipynb")
    assert index_files(mlops) == before


def test_broken_notebooks_go_through_with_one_line(mlops: Project) -> None:
    for number, data in enumerate(NOT_NOTEBOOKS.values()):
        mlops.write(f"{number}.ipynb", data)
    mlops.write("empty.ipynb", b"")
    done = run(mlops, "add", ".")
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == len(NOT_NOTEBOOKS)
    assert "0.ipynb is not JSON; Git gets it as it is." in done.stderr
    for number, data in enumerate(NOT_NOTEBOOKS.values()):
        assert mlops.git("rev-parse", f":{number}.ipynb") == mlops.git(
            "hash-object", "--no-filters", f"{number}.ipynb"
        )
        assert mlops.read(f"{number}.ipynb") == data


def test_a_conflict_can_be_worked_on(mlops: Project) -> None:
    mlops.write("nb.ipynb", PLAIN)
    mlops.commit("Base")
    mlops.git("switch", "-q", "-c", "topic")
    mlops.write("nb.ipynb", PLAIN.replace(b"x = 1", b"x = 2"))
    mlops.commit("Topic")
    mlops.git("switch", "-q", "main")
    mlops.write("nb.ipynb", PLAIN.replace(b"x = 1", b"x = 3"))
    mlops.commit("Main")
    assert run(mlops, "merge", "topic").returncode == 1
    assert b"<<<<<<<" in mlops.read("nb.ipynb")
    assert run(mlops, "status").returncode == 0
    mlops.write("nb.ipynb", PLAIN.replace(b"x = 1", b"x = 4"))
    mlops.git("commit", "-q", "-a", "-m", "Merged")
    assert mlops.git("status", "--porcelain") == ""


def test_what_cannot_be_kept_is_refused(mlops: Project) -> None:
    store = mlops.root / ".git/mlops"
    (store / "tmp").write_text("in the way of staging")
    mlops.write("nb.ipynb", PLAIN)
    mlops.write("none.ipynb", notebook_bytes([code("x", outputs=[], execution_count=None)]))
    done = run(mlops, "add", "nb.ipynb")
    assert done.returncode != 0
    assert "nb.ipynb is refused, as its outputs would be lost." in done.stderr
    assert mlops.git("add", "none.ipynb") == ""
    (store / "tmp").unlink()
    assert run(mlops, "add", "nb.ipynb").returncode == 0


def packs(project: Project) -> set[Path]:
    return set((project.root / ".git/mlops/packs").glob("*/*.pack"))


def damage(pack: Path) -> None:
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[len(data) // 3] ^= 0xFF
    pack.write_bytes(bytes(data))


def test_a_damaged_store_does_not_keep_notebooks_from_being_checked_out(mlops: Project) -> None:
    mlops.write("nb.ipynb", PLAIN)
    mlops.commit("Notebook")
    for pack in packs(mlops):
        damage(pack)
    (mlops.root / "nb.ipynb").unlink()
    done = run(mlops, "checkout", "--", "nb.ipynb")
    assert done.returncode == 0
    assert "nb.ipynb comes without its outputs" in done.stderr
    assert mlops.read("nb.ipynb") == committed(mlops, "nb.ipynb")
    assert mlops.git("status", "--porcelain") == ""


def test_older_outputs_in_place_of_damaged_ones_are_told(mlops: Project) -> None:
    mlops.write("nb.ipynb", PLAIN)
    mlops.commit("Notebook")
    before = packs(mlops)
    mlops.write("nb.ipynb", PLAIN.replace(b"one", b"three"))
    mlops.git("add", "nb.ipynb")
    (newest,) = packs(mlops) - before
    damage(newest)
    (mlops.root / "nb.ipynb").unlink()
    done = run(mlops, "checkout", "--", "nb.ipynb")
    assert "nb.ipynb may come with older outputs than its last" in done.stderr
    assert "jupyter mlops repair" in done.stderr
    assert mlops.read("nb.ipynb") == PLAIN


def test_keeping_outputs_can_be_switched_off(mlops: Project) -> None:
    mlops.write("mlops.toml", "[notebooks]\nkeep_outputs = false\n")
    mlops.write("nb.ipynb", PLAIN)
    mlops.git("add", "nb.ipynb")
    assert index_files(mlops) == []
    (mlops.root / "nb.ipynb").unlink()
    mlops.git("checkout", "--", "nb.ipynb")
    assert b"one" not in mlops.read("nb.ipynb")


def test_a_broken_mlops_toml_keeps_outputs(mlops: Project) -> None:
    mlops.write("mlops.toml", "<<<<<<< ours\n")
    mlops.write("nb.ipynb", PLAIN)
    mlops.git("add", "nb.ipynb")
    assert len(index_files(mlops)) == 1


def test_an_output_over_the_limit_is_said_and_the_others_come_back(mlops: Project) -> None:
    mlops.write("mlops.toml", '[notebooks]\noutput_limit = "1 KiB"\n')
    outputs = [stream("b" * 2000), stream("small")]
    mlops.write("nb.ipynb", notebook_bytes([code("x", id="a"), code("y", id="b", outputs=outputs)]))
    done = run(mlops, "add", "nb.ipynb")
    assert done.returncode == 0
    assert done.stderr.count("jupyter-mlops:") == 1
    assert "nb.ipynb has outputs that are not kept" in done.stderr
    assert "larger than 1.0 KiB" in done.stderr
    assert "cell 2 (b)" in done.stderr
    (mlops.root / "nb.ipynb").unlink()
    mlops.git("checkout", "--", "nb.ipynb")
    back = mlops.read("nb.ipynb")
    assert b"small" in back
    assert b"bbbb" not in back
    assert b"one" in back


def test_a_secret_is_named_by_its_kind_and_stays_out_of_the_store(mlops: Project) -> None:
    mlops.write("n\x1bb.ipynb", notebook_bytes([code("x", id="a", outputs=[stream(AWS)])]))
    done = run(mlops, "add", ".")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert "they look like secrets: AWS Access Key in cell 1 (a)" in line
    assert "git config mlops.allowSecrets true" in line
    assert "\x1b" not in line
    assert AWS not in done.stderr
    (mlops.root / "n\x1bb.ipynb").unlink()
    mlops.git("checkout", "--", ".")
    assert AWS.encode() not in mlops.read("n\x1bb.ipynb")


def test_a_secret_that_its_cell_keeps_in_git_is_named(mlops: Project) -> None:
    cell = code("x", id="a", outputs=[stream(AWS)], metadata={"tags": ["keep_output"]})
    mlops.write("nb.ipynb", notebook_bytes([cell]))
    done = run(mlops, "add", ".")
    assert done.returncode == 0
    told = "nb.ipynb goes into Git with outputs that look like secrets: AWS Access Key in cell 1"
    assert told in done.stderr
    assert AWS not in done.stderr
    cell["metadata"]["tags"].append("allow_secrets")
    mlops.write("nb.ipynb", notebook_bytes([cell]))
    assert run(mlops, "add", ".").stderr == ""


def test_a_secret_that_git_gets_is_told_of_once(mlops: Project) -> None:
    shown = {"output_type": "execute_result", "execution_count": 3, "metadata": {}}
    outputs = [shown | {"data": {"text/plain": AWS}}]
    cell = code("x", id="a", outputs=outputs, metadata={"tags": ["keep_output"]})
    mlops.write("nb.ipynb", notebook_bytes([cell]))
    (line,) = run(mlops, "add", ".").stderr.splitlines()
    assert "nb.ipynb goes into Git with outputs that look like secrets" in line


@pytest.mark.parametrize("broken", ["<<<<<<< ours\n", "[notebooks]\nkeep_output = false\n"])
def test_without_a_valid_mlops_toml_that_of_head_counts(mlops: Project, broken: str) -> None:
    mlops.write("mlops.toml", "[notebooks]\nkeep_outputs = false\n")
    mlops.commit("Keep none")
    mlops.write("mlops.toml", broken)
    mlops.write("one.ipynb", PLAIN)
    mlops.write("two.ipynb", PLAIN)
    (line,) = run(mlops, "add", "one.ipynb", "two.ipynb").stderr.splitlines()
    assert "mlops.toml" in line
    assert line.endswith("; that of HEAD counts until then.")
    assert index_files(mlops) == []
    assert committed(mlops, "one.ipynb", "") != PLAIN


def test_secrets_are_kept_where_this_clone_allows_them(mlops: Project) -> None:
    mlops.git("config", "mlops.allowSecrets", "true")
    mlops.write("nb.ipynb", notebook_bytes([code("x", outputs=[stream(AWS)])]))
    assert run(mlops, "add", ".").stderr == ""
    (mlops.root / "nb.ipynb").unlink()
    mlops.git("checkout", "--", ".")
    assert AWS.encode() in mlops.read("nb.ipynb")


def test_keys_of_nbstripout_count(mlops: Project) -> None:
    mlops.git("config", "filter.nbstripout.extrakeys", "metadata.kernelspec")
    mlops.write("nb.ipynb", notebook_bytes([code("x")], kernelspec={"name": "mine"}))
    mlops.commit("Notebook")
    assert json.loads(committed(mlops, "nb.ipynb"))["metadata"] == {}
    (mlops.root / "nb.ipynb").unlink()
    mlops.git("checkout", "--", "nb.ipynb")
    assert json.loads(mlops.read("nb.ipynb"))["metadata"] == {"kernelspec": {"name": "mine"}}


def test_programs_that_know_no_process_run_clean_and_smudge(mlops: Project) -> None:
    def convert(direction: str, content: bytes) -> bytes:
        command = mlops.git("config", f"filter.mlops-notebook.{direction}").strip()
        return subprocess.run(
            ["sh", "-c", command.replace("%f", "'a b.ipynb'")],
            cwd=mlops.root,
            input=content,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout

    stripped = convert("clean", PLAIN)
    assert b"one" not in stripped
    assert convert("smudge", stripped) == PLAIN


def test_a_file_with_the_projects_name_for_a_module_is_not_run(
    mlops: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STANDBY, raising=False)
    for module in ("jupyter_mlops", "json", "nbformat", "git"):
        mlops.write(f"{module}/__init__.py", "raise SystemExit('run')")
    mlops.write("nb.ipynb", PLAIN)
    mlops.commit("Modules")
    assert b"one" not in committed(mlops, "nb.ipynb")


class Gone:
    """The environment that ``init`` recorded is gone."""

    def __init__(self, project: Project) -> None:
        self.project = project
        launcher = project.root / ".git/mlops/launcher"
        text = launcher.read_text()
        launcher.chmod(0o644)
        launcher.write_text(text.replace("/__init__.py", "/gone.py"))
        git = shutil.which("git")
        assert git is not None
        self.path = os.pathsep.join([str(Path(git).parent), "/usr/bin", "/bin"])


@pytest.fixture
def gone(mlops: Project) -> Gone:
    mlops.write("nb.ipynb", PLAIN)
    mlops.commit("Notebook")
    mlops.git("branch", "topic", "HEAD~1")
    mlops.write("nb.ipynb", PLAIN.replace(b"x = 1", b"x = 2"))
    return Gone(mlops)


@pytest.mark.parametrize("args", [("status",), ("add", "nb.ipynb"), ("switch", "topic")])
def test_without_an_environment_git_says_how_to_go_on(gone: Gone, args: tuple[str, ...]) -> None:
    done = run(gone.project, *args, PATH=gone.path)
    first, *rest = done.stderr.splitlines()
    assert "pip install jupyter-mlops" in first
    assert "git config --remove-section filter.mlops-notebook" in first
    assert "Traceback" not in done.stderr
    assert len(rest) <= 4


def test_without_an_environment_the_clone_can_be_freed(gone: Gone) -> None:
    run(gone.project, "config", "--remove-section", "filter.mlops-notebook")
    for args in (("status",), ("add", "nb.ipynb"), ("commit", "-m", "x"), ("switch", "topic")):
        assert run(gone.project, *args, PATH=gone.path).returncode == 0, args


def test_with_an_environment_elsewhere_on_path_git_works(gone: Gone, tmp_path: Path) -> None:
    program = shutil.which("jupyter-mlops")
    assert program is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "jupyter-mlops").symlink_to(program)
    path = f"{tmp_path / 'bin'}{os.pathsep}{gone.path}"
    assert run(gone.project, "status", "--porcelain", PATH=path).stdout == " M nb.ipynb\n"
    assert run(gone.project, "add", "nb.ipynb", PATH=path).returncode == 0
    assert b"one" not in gone.project.git("cat-file", "blob", ":nb.ipynb").encode()


def test_status_0_means_that_all_was_written(mlops: Project) -> None:
    notebook = notebook_bytes([code("x = 1\n" * 50_000, outputs=[], execution_count=None)])
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_mlops", "filter", "clean", "nb.ipynb"],
        cwd=mlops.root,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        input=notebook,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert len(pipe.read()) < len(notebook)
    assert done.returncode == 6
    assert b"cannot be handed over" in done.stderr
