from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Iterator

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.tracking.run import Run


class Memory:
    """A sink that keeps what it is given, and fails while it is told to."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, object]] = {}
        self.lines: list[dict[str, object]] = []
        self.failing = False

    def write_values(self, path: str, content: bytes) -> None:
        if self.failing:
            raise UnavailableError("There is no room left.")
        self.files[path] = json.loads(content)

    def read_values(self, path: str) -> dict[str, object]:
        return dict(self.files.get(path, {}))

    def append_series(self, run: str, lines: str) -> None:
        self.lines += [json.loads(line) for line in lines.splitlines()]


@pytest.fixture
def memory() -> Memory:
    return Memory()


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


def test_a_run_replaces_what_was_there_unless_it_resumes(memory: Memory) -> None:
    memory.files["metrics/train.json"] = {"old": 1, "loss": 9}
    resumed = Run("train", memory, resume=True)
    resumed.log(loss=1)
    resumed.flush()
    assert memory.files["metrics/train.json"] == {"loss": 1, "old": 1}
    fresh = Run("train", memory)
    fresh.log(loss=2)
    fresh.flush()
    assert memory.files["metrics/train.json"] == {"loss": 2}


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


def test_a_context_writes_at_its_end(memory: Memory) -> None:
    ended: list[Run] = []
    with Run("train", memory, ended=ended.append) as run:
        run.log(loss=1)
    assert ended == [run]
    assert memory.files == {"metrics/train.json": {"loss": 1}}
