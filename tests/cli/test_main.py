from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import Project

ROOT = Path(__file__).parents[2]


def command_line(*words: str) -> list[str]:
    return [sys.executable, "-m", "tests.support.sample_commands", *words]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def run(
    folder: Path, *words: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command_line(*words), cwd=folder, env=env or environment(), capture_output=True, text=True
    )


@pytest.fixture
def opened(project: Project) -> Path:
    """The root of a project with an empty mlops.toml."""
    project.write("mlops.toml", "")
    return project.root


def test_a_result_is_text_on_standard_output(opened: Path) -> None:
    done = run(opened, "keep", "a", "b")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Kept 2 paths\n\n  path     size\n  a     2.0 KiB\n  b     2.0 KiB\n\n"
        "Get it back: jupyter mlops restore k23456723456\n"
    )


def test_json_is_one_document_and_nothing_else(opened: Path) -> None:
    done = run(opened, "keep", "a", "--json", "-m", "why")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["paths"], told["message"]) == (["a"], "why")
    assert told["command"] == ["keep", "a", "--json", "-m", "why"]
    assert json.loads(run(opened, "fail", "nothing", "--json").stdout) is None
    assert json.loads(run(opened, "keep", "--help", "--json").stdout)["summary"]
    assert json.loads(run(opened, "--version", "--json").stdout)["version"]


def test_an_error_is_one_sentence_with_hints_on_standard_error(opened: Path) -> None:
    done = run(opened, "fail")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "data was changed by \\x1b[31msomebody.\n"
        "  → jupyter mlops restore data\n"
        "  → jupyter mlops status\n"
    )


def test_an_error_is_json_when_json_was_asked_for(opened: Path) -> None:
    done = run(opened, "fail", "--json")
    assert (done.returncode, done.stdout) == (4, "")
    error = json.loads(done.stderr)["error"]
    assert (error["code"], len(error["hints"])) == ("stale", 2)
    assert json.loads(run(opened, "kep", "--json").stderr)["error"]["code"] == "unknown-command"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("fail", "missing"), 3),
        (("fail", "findings"), 1),
        (("fail", "memory"), 6),
        (("fail", "interrupt"), 130),
        (("keep", "--nope"), 2),
        (("nonsense",), 2),
        ((), 0),
        (("--help",), 0),
        (("keep", "--help"), 0),
        (("things", "--help"), 0),
        (("--version",), 0),
    ],
)
def test_exit_statuses(opened: Path, words: tuple[str, ...], status: int) -> None:
    done = run(opened, *words)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) == (status in (0, 1))


def test_outside_of_a_project(tmp_path: Path) -> None:
    done = run(tmp_path, "keep")
    assert (done.returncode, done.stdout) == (3, "")
    assert "is not in a Git repository" in done.stderr


def test_a_defect_is_owned_up_to_and_its_traceback_is_kept(opened: Path) -> None:
    done = run(opened, "fail", "defect")
    assert done.returncode == 70
    lines = done.stderr.splitlines()
    assert lines[0] == "This is a defect of jupyter-mlops, not of yours: KeyError: 'no such key'"
    kept = opened / ".git" / "mlops" / "last-failure.txt"
    assert lines[1] == f"  → The traceback is in {kept}."
    assert "sample_commands.py" in kept.read_text()


def test_outside_of_a_project_a_defect_writes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "fail", "defect")
    assert done.returncode == 70
    assert "MLOPS_TRACEBACK=1" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_traceback_is_shown_on_request(tmp_path: Path) -> None:
    done = run(tmp_path, "fail", "defect", env=environment(MLOPS_TRACEBACK="1"))
    assert done.returncode == 70
    assert "Traceback (most recent call last)" in done.stderr
    assert "Traceback" not in run(tmp_path, "fail", env=environment(MLOPS_TRACEBACK="1")).stderr


def test_a_reader_that_goes_away_is_no_error(opened: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        command_line("fail", "long"),
        cwd=opened,
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    assert process.communicate()[1] == b""
    assert process.returncode == 0


def test_a_full_disk_under_standard_output_is_an_error(opened: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command_line("keep", "a"),
            cwd=opened,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 6
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-", "0<&-"])
def test_closed_streams_are_no_error(opened: Path, closed: str) -> None:
    line = " ".join(command_line("keep", "a"))
    done = subprocess.run(
        ["sh", "-c", f"{line} {closed}"],
        cwd=opened,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_ends_with_one_line(opened: Path) -> None:
    process = subprocess.Popen(
        command_line("fail", "wait"),
        cwd=opened,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (130, "")
    assert stderr == "Interrupted; type the command again to go on.\n"


def test_an_ascii_terminal_gets_text_all_the_same(tmp_path: Path) -> None:
    done = subprocess.run(
        command_line("say", "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n"),
        cwd=tmp_path,
        env=environment(PYTHONIOENCODING="ascii"),
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"gr\\xfcn\n"


def test_words_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    line = [word.encode() for word in command_line("say")] + [b"\xff"]
    done = subprocess.run(line, cwd=tmp_path, env=environment(), capture_output=True)
    assert done.returncode == 2
    assert b"is not valid UTF-8" in done.stderr


def test_a_folder_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f'rmdir "{gone}" && exec {" ".join(command_line("say", "x"))}'
    done = subprocess.run(
        ["sh", "-c", line], cwd=gone, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 3
    assert done.stderr.startswith("The current folder does not exist any more.")


def test_the_module_and_the_script_are_the_same_program(tmp_path: Path) -> None:
    script = Path(sys.executable).parent / "jupyter-mlops"
    printed = {
        subprocess.run([*line, "--version"], cwd=tmp_path, capture_output=True, text=True).stdout
        for line in ([sys.executable, "-m", "jupyter_mlops"], [str(script)], ["jupyter", "mlops"])
    }
    assert len(printed) == 1
    assert printed.pop().startswith("jupyter-mlops ")
