from __future__ import annotations

from pathlib import Path

from jupyter_mlops.formats.run import Line, Metrics, Note
from jupyter_mlops.metrics.curve import Curve
from jupyter_mlops.metrics.kept_series import read_kept_series
from tests.support.series import NOON, metrics, write_series

ONE, TWO = "k7abc234mnop", "ztrwhd6ahgae"


def read(*paths: Path) -> dict[str, tuple[list[float], list[float]]]:
    def points(curve: Curve) -> tuple[list[float], list[float]]:
        steps, values = curve.points()
        return list(steps), list(values)

    curves = read_kept_series(path.open("rb") for path in paths)
    return {name: points(curve) for name, curve in curves.items()}


def write(folder: Path, run_id: str, process: int, *lines: Line) -> Path:
    return write_series(folder, "train", run_id, *lines, process=process)


def test_the_execution_counts_that_began_last_with_all_its_processes(tmp_path: Path) -> None:
    before = write(tmp_path, ONE, 1, *metrics({"old": [1], "loss": [9, 9, 9, 9]}))
    first = write(tmp_path, TWO, 2, *metrics({"loss": [1, 2], "acc": [5]}))
    second = write(tmp_path, TWO, 3, Metrics(NOON, 1, {"loss": 7}), Metrics(NOON, 2, {"loss": 3}))
    assert read(before, first, second) == {
        "loss": ([0, 1, 2], [1, 7, 3]),
        "acc": ([0], [5]),
    }


def test_what_is_no_line_of_a_series_is_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, ONE, 1, *metrics({"loss": [1]}), Note(NOON, "x"))
    with path.open("ab") as file:
        file.write(b"{\n\xff\n" + b"9" * 3_000_000 + b"\n")
    whole = write(tmp_path / "other", ONE, 2, *metrics({"loss": [4, 5]}))
    cut = tmp_path / "cut"
    cut.write_bytes(path.read_bytes() + whole.read_bytes().split(b"\n", 1)[1][:-1])
    assert read(cut) == {"loss": ([0], [4])}
    (tmp_path / "empty").write_bytes(b"")
    assert read(tmp_path / "empty") == {}
