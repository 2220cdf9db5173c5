from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.formats.run import Metrics, Param, Uses, parse_line
from jupyter_mlops.ids import format_hash, hash_bytes
from jupyter_mlops.tracking.run import Run
from jupyter_mlops.tracking.value_files import ValueKind
from jupyter_mlops.tracking.values import format_values


class Memory:
    """A sink that keeps what it is given, and fails while it is told to."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, dict[str, object]] = {}
        self.lines: list[dict[str, object]] = []
        self.failing = False
        self.is_late = False
        self.settled: list[bool] = []
        self.folder = folder

    def append(self, lines: bytes) -> None:
        self._fail()
        self.lines += [json.loads(line) for line in lines.splitlines()]

    def write_values(self, kind: ValueKind, values: Mapping[str, Param]) -> bool:
        self._fail()
        self.files[f"{kind}/train.json"] = json.loads(format_values(values))
        return not self.is_late

    def keep(self, name: str, write: Callable[[Path], None]) -> tuple[str, int]:
        self._fail()
        write(self.folder / name)
        return name, (self.folder / name).stat().st_size

    def use(self, path: Path, at: float) -> Uses:
        self._fail()
        return Uses(at, str(path), format_hash(hash_bytes(b"")), "clean")

    def close(self, *, settled: bool) -> None:
        self.settled.append(settled)

    def _fail(self) -> None:
        if self.failing:
            raise UnavailableError("There is no room left.", code="disk-full")


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


@pytest.fixture
def ticks() -> Iterator[int]:
    return iter(range(10**6))


@pytest.fixture
def run(memory: Memory, ticks: Iterator[int]) -> Run:
    return Run("train", memory, time_seconds=lambda: float(next(ticks)))


def steps(memory: Memory, name: str) -> list[object]:
    return [
        line["step"]
        for line in memory.lines
        if isinstance(line.get("values"), dict) and name in line["values"]  # type: ignore[operator]
    ]


def test_the_last_values_and_the_series(run: Run, memory: Memory) -> None:
    run.log(loss=0.5, acc=0.7, step=1)
    run.log(loss=0.4, step=2)
    assert run.flush()
    assert memory.files == {"metrics/train.json": {"acc": 0.7, "loss": 0.4}}
    assert memory.lines == [
        {"at": 0.0, "step": 1, "values": {"loss": 0.5, "acc": 0.7}},
        {"at": 1.0, "step": 2, "values": {"loss": 0.4}},
    ]


def test_all_shapes_of_calls(run: Run, memory: Memory) -> None:
    run.log_metric("mlflow", 1.0, 3)
    run.log_metric("mlflow", 1.0, step=4)
    run.log_metrics({"mlflow": 1.0}, step=5)
    run.log({"wandb": 2.0, "nested": {"acc": 1}}, step=3)
    run.log_metric("dvclive", 3.0)
    run.next_step()
    run.log_metric("dvclive", 3.5)
    run.next_step()
    run.log_metric("dvclive", 4.0)
    run.flush()
    assert steps(memory, "mlflow") == [3, 4, 5]
    assert steps(memory, "wandb") == steps(memory, "nested.acc") == [3]
    assert steps(memory, "dvclive") == [0, 1, 2]


def test_without_steps_values_follow_each_other(run: Run, memory: Memory) -> None:
    for value in range(3):
        run.log(loss=value)
    run.log(acc=1)
    run.log(loss=3, step=10)
    run.log(loss=4)
    run.flush()
    assert steps(memory, "loss") == [0, 1, 2, 10, 11]
    assert steps(memory, "acc") == [0]


def test_steps_come_in_any_order(run: Run, memory: Memory) -> None:
    run.log(loss=3, step=3)
    run.log(loss=1, step=1)
    run.flush()
    assert steps(memory, "loss") == [3, 1]
    assert memory.files["metrics/train.json"] == {"loss": 1}


def test_nan_and_infinities_are_kept(run: Run, memory: Memory) -> None:
    run.log(loss=math.nan, top=math.inf)
    run.flush()
    assert memory.files["metrics/train.json"] == {"loss": "NaN", "top": "Infinity"}


def test_params(run: Run, memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    run.log_params({"depth": 3, "opt": {"lr": 0.1}}, seed=1)
    run.log_param("depth", 3)
    assert not caplog.records
    run.log_param("depth", 4)
    run.flush()
    assert memory.files == {"params/train.json": {"depth": 4, "opt.lr": 0.1, "seed": 1}}
    assert [record.getMessage() for record in caplog.records] == [
        "Parameter 'depth' of run 'train' was 3 and is now 4."
    ]


def test_nothing_raises_into_training(
    run: Run, memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    class Hostile:
        def item(self) -> float:
            raise LookupError("no")

        def __str__(self) -> str:
            raise LookupError("no")

    for _ in range(3):
        run.log(note="text", loss=1)
        run.log(loss=2, step="three")  # type: ignore[arg-type]
        run.log(5)  # type: ignore[arg-type]
        run.log({1: 2.0, None: 3.0})  # type: ignore[dict-item]
        run.log(bad=Hostile())
        run.log_params(bad=Hostile())
        run.log_params(7)  # type: ignore[arg-type]
    run.flush()
    assert memory.files["metrics/train.json"] == {"1": 2.0, "None": 3.0, "loss": 2}
    assert len(caplog.records) == len({record.getMessage() for record in caplog.records}) == 6
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_what_cannot_be_written_is_written_later(
    run: Run, memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    memory.failing = True
    run.log(loss=1)
    assert not run.flush()
    run.log(loss=2)
    assert not run.flush()
    memory.failing = False
    assert run.flush()
    assert [line["values"] for line in memory.lines] == [{"loss": 1}, {"loss": 2}]
    assert memory.files["metrics/train.json"] == {"loss": 2}
    assert len(caplog.records) == 1


def test_threads_lose_nothing(run: Run, memory: Memory) -> None:
    def work(name: str) -> None:
        for step in range(500):
            run.log({name: step}, step=step)
            if step % 50 == 0:
                run.flush()

    threads = [threading.Thread(target=work, args=(f"m{at}",)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.flush()
    for at in range(4):
        assert steps(memory, f"m{at}") == list(range(500))


def test_each_call_is_in_the_series_when_it_returns(run: Run, memory: Memory) -> None:
    run.log(loss=1)
    assert [line["values"] for line in memory.lines] == [{"loss": 1}]
    assert memory.files == {}


def test_a_context_writes_at_its_end(memory: Memory) -> None:
    ended: list[Run] = []
    with Run("train", memory, ended=ended.append) as run:
        run.log(loss=1)
        assert run.is_open
    assert ended == [run]
    assert memory.files == {"metrics/train.json": {"loss": 1}}
    assert memory.lines[-1]["end"] == "done"
    assert memory.settled == [True]
    assert not run.is_open


def test_a_run_that_an_exception_ends_has_failed_also_after_more(run: Run, memory: Memory) -> None:
    with pytest.raises(LookupError), run:
        run.log(loss=1)
        raise LookupError("no such layer")
    run.log(loss=2)
    assert run.is_open
    run.end()
    ends = [(line["end"], line.get("why")) for line in memory.lines if "end" in line]
    assert ends == [("failed", "LookupError: no such layer"), ("failed", None)]


def test_an_exit_without_an_error_is_no_failure(run: Run, memory: Memory) -> None:
    with pytest.raises(SystemExit), run:
        run.log(loss=1)
        raise SystemExit(0)
    assert memory.lines[-1]["end"] == "done"


def test_a_run_that_logged_nothing_has_no_end(run: Run, memory: Memory) -> None:
    run.end()
    assert memory.lines == []


def test_values_that_could_not_be_written_at_the_end_are_left_to_others(
    run: Run, memory: Memory
) -> None:
    run.log(loss=1)
    memory.failing = True
    run.end()
    assert memory.settled == [False]


def test_a_later_execution_is_told_once(
    run: Run, memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    memory.is_late = True
    for _ in range(2):
        run.log(loss=1)
        assert run.flush()
    (record,) = caplog.records
    assert "A later run called 'train' has begun" in record.getMessage()


def test_what_a_broken_disk_takes_back_is_bounded_and_told(
    run: Run, memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    memory.failing = True
    for step in range(100_005):
        run.log(loss=step, step=step)
    memory.failing = False
    run.flush()
    kept = steps(memory, "loss")
    assert 80_000 < len(kept) <= 100_000
    assert kept[-1] == 100_004
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "cannot be written" in told[0]
    assert "oldest lines are lost" in told[1]


def test_words_of_the_user(run: Run, memory: Memory) -> None:
    run.log_note("wider\ntrees")
    run.log_tags("baseline", "x")
    assert memory.lines == [
        {"at": 0.0, "note": "wider\ntrees"},
        {"at": 1.0, "tags": ["baseline", "x"]},
    ]


def test_data_that_is_read_is_noted_and_its_path_returned(run: Run, memory: Memory) -> None:
    path = Path("data/train.csv")
    assert run.use_data(path) is path
    assert memory.lines[0]["uses"]["path"] == "data/train.csv"  # type: ignore[index]
    memory.failing = True
    assert run.use_data("x") == "x"


def test_what_is_too_long_for_a_line_is_left_out(
    run: Run, memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    run.log_note("x" * 2_000_000)
    run.log(loss=1)
    assert len(memory.lines) == 1
    assert "longer than" in caplog.text


def test_values_that_no_line_holds_come_in_several(run: Run, memory: Memory) -> None:
    given = {f"{'x' * 500}{number}": number for number in range(5000)}
    run.log(given, step=3)
    run.log_params(given)
    metrics = [line["values"] for line in memory.lines if line.get("step") == 3]
    assert len(metrics) > 1
    assert {name: n for part in metrics for name, n in part.items()} == given  # type: ignore[attr-defined]


def test_numbers_of_any_size_can_be_read_back(run: Run, memory: Memory) -> None:
    run.log({"n": 10**30, "huge": 10**400}, step=2**63 - 1)
    run.log(n=1)
    run.log(n=1, step=math.nan)
    read = [parse_line(json.dumps(line).encode(), origin="x") for line in memory.lines]
    assert read == [
        Metrics(0.0, 2**63 - 1, {"n": 1e30}),
        Metrics(1.0, 2.0**63, {"n": 1}),
        Metrics(2.0, 2.0**63 + 1, {"n": 1}),
    ]
