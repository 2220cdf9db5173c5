from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mlops.errors import NotFoundError, UnsupportedError
from jupyter_mlops.formats.run import (
    MAX_LINE_BYTES,
    Ended,
    Line,
    Metrics,
    Note,
    Params,
    Tags,
    format_line,
)
from jupyter_mlops.metrics.runs import Runs, RunState
from jupyter_mlops.metrics.series import TAIL_BYTES
from tests.support.series import NOON, ended_process, metrics, this_process, write_series

NOW = NOON + 7200
ONE, TWO, THREE = "k7abc234mnop", "ztrwhd6ahgae", "qqqqqqqqqqqq"


def listed(runs: Path, *states: RunState, limit: int = 20) -> list[tuple[str, str, str]]:
    found, _ = Runs(runs).list_newest(NOW, limit, states)
    return [(run.name, run.id, run.state) for run in found]


def test_the_newest_run_comes_first(tmp_path: Path) -> None:
    write_series(tmp_path, "b", ONE, Ended(NOON, "done"), began_at=NOON)
    write_series(tmp_path, "a", TWO, Ended(NOON, "failed", "no"), began_at=NOON + 2)
    write_series(tmp_path, "b", THREE, began_at=NOON + 1, owner=this_process())
    assert listed(tmp_path) == [("a", TWO, "failed"), ("b", THREE, "running"), ("b", ONE, "done")]
    assert listed(tmp_path, limit=1) == [("a", TWO, "failed")]
    assert listed(tmp_path, "done", "running") == [("b", THREE, "running"), ("b", ONE, "done")]
    latest, _ = Runs(tmp_path).list_newest(NOW, 20, one_a_name=True)
    assert [run.id for run in latest] == [TWO, THREE]


def test_a_run_without_an_end_died_with_its_process(tmp_path: Path) -> None:
    write_series(tmp_path, "r", ONE, *metrics({"loss": [3, 2]}), owner=ended_process())
    run = Runs(tmp_path).read("r", NOW).run
    assert (run.state, run.values, run.step, run.last_at) == ("died", {"loss": 2}, 1, NOON + 1)


def test_an_end_counts_only_where_nothing_follows(tmp_path: Path) -> None:
    lines = (*metrics({"a": [1]}), Ended(NOON, "done"), Note(NOON, "once more"))
    write_series(tmp_path, "r", ONE, *lines, owner=this_process())
    assert listed(tmp_path) == [("r", ONE, "running")]


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (("done", "done"), "done"),
        (("done", "failed"), "failed"),
        (("failed", None), "failed"),
        (("failed", "done"), "failed"),
        (("done", None), "done"),
        ((None, "done"), "died"),
        ((None, "failed"), "died"),
        (("running", None), "running"),
        (("done", "running"), "running"),
    ],
)
def test_a_run_of_several_processes(
    tmp_path: Path, ends: tuple[str | None, ...], state: RunState
) -> None:
    for at, end in enumerate(ends):
        lines = [Ended(NOON, end)] if end in ("done", "failed") else []  # type: ignore[arg-type]
        owner = this_process() if end == "running" else ended_process()
        write_series(tmp_path, "r", ONE, *lines, process=at, owner=owner)
    run = Runs(tmp_path).read("r", NOW).run
    assert (run.state, run.processes) == (state, 2)


def test_what_several_processes_logged_is_one_series(tmp_path: Path) -> None:
    first = [Metrics(NOON, 0, {"loss": 1.0, "a": 1.0}), Metrics(NOON + 9, 2, {"loss": 3.0})]
    then = [Metrics(NOON + 1, 1, {"loss": 2.0, "b": 5.0}), Metrics(NOON + 2, 2, {"loss": 9.0})]
    write_series(tmp_path, "r", ONE, *first, Params(NOON, {"x": 1}))
    write_series(tmp_path, "r", ONE, *then, Params(NOON, {"y": 2}), began_at=NOON + 1)
    write_series(tmp_path, "r", TWO, *metrics({"loss": [0]}), began_at=NOON - 1)
    execution = Runs(tmp_path).read("r", NOW)
    assert [list(part) for part in execution.points("loss")] == [[0, 1, 2], [1, 2, 9]]
    assert execution.count("loss") == 4
    assert execution.run.values == {"loss": 3.0, "a": 1.0, "b": 5.0}
    assert execution.run.params == {"x": 1, "y": 2}
    assert execution.run.began_at == NOON


def test_a_run_is_found_by_name_and_by_id(tmp_path: Path) -> None:
    write_series(tmp_path, "r", ONE, began_at=NOON)
    write_series(tmp_path, "r", TWO, began_at=NOON + 1)
    runs = Runs(tmp_path)
    assert [runs.read(word, NOW).run.id for word in ("r", ONE, TWO)] == [TWO, ONE, TWO]


@pytest.mark.parametrize("word", ["", "x", "../r", THREE, "r/", "\x1b[2J"])
def test_what_names_no_run_is_not_found(tmp_path: Path, word: str) -> None:
    write_series(tmp_path, "r", ONE)
    with pytest.raises(NotFoundError, match="There is no run") as caught:
        Runs(tmp_path / "runs" if word == "../r" else tmp_path).read(word, NOW)
    assert "\x1b" not in str(caught.value)


def test_without_a_folder_there_are_no_runs(tmp_path: Path) -> None:
    assert listed(tmp_path / "none") == []


def test_a_series_that_grows_is_read_on_from_where_it_was(tmp_path: Path) -> None:
    path = write_series(tmp_path, "r", ONE, *metrics({"loss": [1]}), owner=this_process())
    runs = Runs(tmp_path)
    assert runs.read("r", NOW).run.values == {"loss": 1}
    # What has been read is not read again: the same bytes as before would say another value.
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size - len(b"1.0}}\n"))
        file.write(b"9.0}}\n")
        file.seek(0, os.SEEK_END)
        file.write(format_line(Metrics(NOON + 5, 1, {"loss": 2.0}))[:-3])
    assert runs.read("r", NOW).run.values == {"loss": 1}
    with path.open("ab") as file:
        file.write(b"}}\n")
    execution = runs.read("r", NOW)
    assert execution.run.values == {"loss": 2}
    assert list(execution.points("loss")[1]) == [1, 2]


def test_a_series_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = write_series(tmp_path, "r", ONE, *metrics({"loss": [1, 2, 3]}))
    runs = Runs(tmp_path)
    assert runs.read("r", NOW).run.values == {"loss": 3}
    path.unlink()
    write_series(tmp_path, "r", ONE, *metrics({"acc": [4]}))
    assert runs.read("r", NOW).run.values == {"acc": 4}


DAMAGE = {
    "no JSON": b"what?\n",
    "an empty line": b"\n",
    "not UTF-8": b'{"at":1,"step":1,"values":{"\xff":1}}\n',
    "a text for a number": b'{"at":1,"step":1,"values":{"loss":"high"}}\n',
    "deep nesting": b'{"at":1,"params":{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}\n",
    "a very long line": b'{"at":1,"note":"' + b"x" * (3 * MAX_LINE_BYTES) + b'"}\n',
    "a second first line": b'{"format":0,"run":"r"}\n',
    "a newer first line": b'{"format":9}\n',
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_line_is_passed_over_and_counted(tmp_path: Path, damage: bytes) -> None:
    path = write_series(tmp_path, "r", ONE, *metrics({"loss": [1, 2]}))
    with path.open("ab") as file:
        file.write(damage + format_line(Metrics(NOON + 9, 2, {"loss": 3.0})))
    run = Runs(tmp_path).read("r", NOW).run
    assert (run.values, run.damaged_lines, run.step) == ({"loss": 3.0}, 1, 2)


def test_a_cut_last_line_does_not_count(tmp_path: Path) -> None:
    path = write_series(tmp_path, "r", ONE, *metrics({"loss": [1, 2]}))
    with path.open("ab") as file:
        file.write(b'{"at":1,"step":9,"val')
    run = Runs(tmp_path).read("r", NOW).run
    assert (run.values, run.damaged_lines) == ({"loss": 2.0}, 0)


def test_a_series_whose_first_line_is_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    name = "20260131T120000.000000Z-1.jsonl"
    (tmp_path / "r" / name).write_bytes(b"what?\n")
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / name).write_bytes(b'{"format":9}\n')
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / name).write_bytes(b"")
    write_series(tmp_path, "u", ONE)
    found, problems = Runs(tmp_path).list_newest(NOW, 20)
    assert [run.name for run in found] == ["u"]
    assert sorted(problem.path for problem in problems) == [f"r/{name}", f"s/{name}"]
    with pytest.raises(UnsupportedError, match="format 9"):
        Runs(tmp_path).read("s", NOW)


def test_links_and_other_files_are_no_series(tmp_path: Path) -> None:
    path = write_series(tmp_path, "r", ONE)
    (tmp_path / "linked").symlink_to(tmp_path / "r")
    (tmp_path / "r" / "20270131T120000.000000Z-1.jsonl").symlink_to(path)
    (tmp_path / "r" / "notes.jsonl").write_text("{}\n")
    (tmp_path / "r" / "files" / ONE).mkdir(parents=True)
    assert listed(tmp_path) == [("r", ONE, "died")]
    assert Runs(tmp_path).read("r", NOW).run.processes == 1


def test_of_a_long_series_a_list_has_what_stands_at_its_end(tmp_path: Path) -> None:
    early: list[Line] = [Metrics(NOON, 0, {"early": 1.0}), Tags(NOON, ("t",))]
    many = metrics({"loss": [float(step) for step in range(TAIL_BYTES // 20)]})
    write_series(tmp_path, "r", ONE, *early, *many, Ended(NOON + 99, "failed", "why"))
    ((run,), _) = Runs(tmp_path).list_newest(NOW, 1)
    assert run.values == {"loss": len(many) - 1}
    assert (run.state, run.why, run.damaged_lines) == ("failed", "why", 0)
    whole = Runs(tmp_path).read("r", NOW).run
    assert whole.values == {"early": 1.0, "loss": len(many) - 1}
    assert whole.tags == ("t",)


def test_numbers_that_are_not_finite_are_kept(tmp_path: Path) -> None:
    values = [1.0, math.nan, math.inf, -math.inf]
    write_series(tmp_path, "r", ONE, *metrics({"loss": values}))
    read = Runs(tmp_path).read("r", NOW).points("loss")[1]
    assert list(map(repr, read)) == list(map(repr, values))


@pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux tells the most memory")
def test_a_long_run_is_read_in_bounded_memory(tmp_path: Path, scale: int) -> None:
    """A million steps of four metrics in 300 MB, a fifth of that in every run of the tests."""
    steps, limit_mb = (200_000, 100) if scale == 1 else (1_000_000, 300)
    path = write_series(tmp_path, "r", ONE)
    with path.open("ab") as file:
        for step in range(steps):
            spike = 99 if step == 77_777 else 0.25
            file.write(
                b'{"at":1,"step":%d,"values":{"a":%d,"b":%d.5,"c":%.2f,"d":0}}\n'
                % (step, step, step, spike)
            )
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from jupyter_mlops.metrics.curve import envelope\n"
        "from jupyter_mlops.metrics.runs import Runs\n"
        "execution = Runs(Path(sys.argv[1])).read('r', 0)\n"
        "points = [envelope(*execution.points(name), 200) for name in 'abcd']\n"
        "print(max(points[2][1]), execution.count('a'))\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    highest, count, kilobytes = done.stdout.split()
    assert (highest, count) == ("99.0", str(steps))
    assert int(kilobytes) < limit_mb * 1024
