from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError, UsageError
from jupyter_mlops.git.process import (
    LOCAL_VARIABLES,
    encode_names,
    explanation,
    open_git,
    run_git,
    split_nul,
    try_git,
)
from jupyter_mlops.git.repository import Repository
from tests.git.names import HARD_NAMES


def test_output_is_returned_byte_for_byte(repo: Repository) -> None:
    content = b"\xff\x00\r\n\n\n"
    oid = run_git(repo, "hash-object", "-w", "--stdin", input=content).decode().strip()
    assert run_git(repo, "cat-file", "blob", oid) == content


def test_a_failure_says_which_command_and_why(repo: Repository) -> None:
    with pytest.raises(UnavailableError) as caught:
        run_git(repo, "-c", "core.abbrev=7", "cat-file", "blob", "missing")
    assert caught.value.code == "git-failed"
    assert caught.value.message == ("git cat-file failed: Not a valid object name missing.")


def test_a_status_that_is_allowed_is_no_failure(repo: Repository) -> None:
    assert run_git(repo, "config", "--get", "none.such", allow=(0, 1)) == b""
    assert try_git(repo, "config", "--get", "none.such")[0] == 1


def test_a_nul_in_an_argument_is_refused(repo: Repository) -> None:
    with pytest.raises(UsageError):
        run_git(repo, "cat-file", "-t", "a\0b")


def test_a_root_that_is_gone_is_told(repo: Repository) -> None:
    gone = dataclasses.replace(repo, root=repo.root / "gone")
    with pytest.raises(UnavailableError) as caught:
        run_git(gone, "version")
    assert caught.value.code == "git-missing"


def test_every_variable_that_ties_git_to_a_repository_is_dropped(repo: Repository) -> None:
    named = set(run_git(repo, "rev-parse", "--local-env-vars").decode().split())
    handed_on = {"GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"}
    assert named - handed_on <= LOCAL_VARIABLES
    assert not handed_on & LOCAL_VARIABLES


def test_variables_that_change_the_meaning_of_paths_are_dropped(repo: Repository) -> None:
    os.environ["GIT_ICASE_PATHSPECS"] = "1"
    try:
        assert run_git(repo, "ls-files", "--", "readme.MD") == b""
    finally:
        del os.environ["GIT_ICASE_PATHSPECS"]


def test_variables_that_are_passed_on_purpose_are_kept(repo: Repository, tmp_path: Path) -> None:
    env = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    assert run_git(repo, "ls-files", env=env) == b""
    assert run_git(repo, "ls-files") != b""


def test_reading_never_writes_the_index(repo: Repository) -> None:
    index = repo.git_dir / "index"
    os.utime(repo.root / "README.md", ns=(1, 1))
    before = index.read_bytes()
    run_git(repo, "status", "--porcelain")
    assert index.read_bytes() == before


def test_a_running_git_is_ended_with_its_block(repo: Repository) -> None:
    with open_git(repo, "cat-file", "--batch-check") as (requests, answers):
        requests.write(b"HEAD\n")
        requests.flush()
        assert answers.readline().split()[1] == b"commit"
    assert answers.closed


@pytest.mark.parametrize("said", [b"", b"\n\n"])
def test_silence_is_called_silence(said: bytes) -> None:
    assert explanation(said) == "it gave no reason"


def test_the_reason_is_found_behind_warnings() -> None:
    assert explanation(b"warning: slow\nfatal: no such ref: x\nhint: y\n") == "no such ref: x"


def test_names_come_back_as_they_went() -> None:
    assert tuple(split_nul(encode_names(HARD_NAMES))) == HARD_NAMES


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        encode_names([name])


def test_without_git_one_sentence_says_so(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from jupyter_mlops.errors import UnavailableError\n"
        "from jupyter_mlops.git.repository import open_repository\n"
        "try:\n"
        "    open_repository(Path('.'))\n"
        "except UnavailableError as error:\n"
        "    print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "git-missing", done.stderr


def test_git_python_is_not_loaded_before_it_is_needed() -> None:
    program = (
        "import sys, jupyter_mlops.git.state_tree, jupyter_mlops.git.history\n"
        "print('git' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


_AT_ONCE = """\
import threading
from pathlib import Path
from jupyter_mlops.git.process import run_git_in
ready, failed = threading.Barrier(100), []
def ask(number):
    ready.wait()
    threading.Event().wait(number / 500)
    try:
        run_git_in(Path("/"), "version")
    except Exception as error:
        failed.append(error)
threads = [threading.Thread(target=ask, args=(number,)) for number in range(100)]
[one.start() for one in threads]
[one.join() for one in threads]
assert not failed, failed
"""


def test_threads_that_start_git_for_the_first_time_at_once() -> None:
    """GitPython can be imported in part before it knows which program Git is."""
    subprocess.run([sys.executable, "-c", _AT_ONCE], check=True)
