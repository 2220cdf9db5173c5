"""Scripts of other trackers, one import of each changed, and what they leave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mlops.formats.run import Ended, Kept, Line, Metrics, Note, Tags
from tests.support.project import Project
from tests.tracking.scripts import run_script, series, values

MLFLOW = """
import jupyter_mlops.compat.mlflow as mlflow
from jupyter_mlops.compat.mlflow.models import infer_signature
import jupyter_mlops.compat.mlflow.sklearn

mlflow.set_tracking_uri("http://127.0.0.1:5000")
mlflow.set_experiment("quickstart")
mlflow.sklearn.autolog()

with mlflow.start_run(tags={"team": "a"}, description="first try") as run:
    mlflow.log_params({"solver": "lbfgs", "random_state": 8888})
    mlflow.log_param("max_iter", 1000)
    mlflow.log_metric("accuracy", 0.5)
    mlflow.log_metric("accuracy", 0.97)
    for epoch in range(3):
        mlflow.log_metrics({"loss": 1 / (epoch + 1)}, step=epoch)
    mlflow.set_tag("Training Info", "basic")
    mlflow.log_text("hello", "notes.txt")
    mlflow.log_dict({"a": 1}, "config.yaml")
    mlflow.log_table({"x": [1, 2], "y": ["a", "b"]}, "predictions.json")
    info = mlflow.sklearn.log_model(
        sk_model={"a": "model"}, name="model", signature=infer_signature([1], [2]),
        serialization_format="pickle", registered_model_name="quickstart",
    )
    with mlflow.start_run(nested=True) as child:
        mlflow.log_metric("inner", 5)
        mlflow.log_metric("outer", 6, run_id=run.info.run_id)

    @mlflow.trace(name="inference")
    def predict(x):
        return x + 1

    assert predict(1) == 2
    client = mlflow.MlflowClient()
    client.search_runs(["0"])[0].data.metrics["x"]

assert mlflow.active_run() is None
assert mlflow.last_active_run().data.metrics["accuracy"] == 0.97
print(run.info.run_id, child.info.run_id, info.model_uri, run.info.status)
mlflow.log_metric("late", float("nan"))
mlflow.end_run()
try:
    with mlflow.start_run(run_name="broken"):
        mlflow.log_metric("x", "no number")
        raise RuntimeError("out of memory")
except RuntimeError:
    print("raised")
"""

THREADS = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
import jupyter_mlops.compat.mlflow as mlflow

together = Barrier(3)

def fit(depth):
    mlflow.log_metric("begun", depth, step=depth)
    with mlflow.start_run(run_name=f"depth-{depth}", nested=True):
        together.wait(30)
        mlflow.log_metric("acc", depth)
        together.wait(30)
    together.wait(30)

with mlflow.start_run(run_name="search"):
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(fit, range(3)))
    mlflow.log_metric("best", 2)
"""

WANDB = """
import argparse
import random
import jupyter_mlops.compat.wandb as wandb

wandb.login()
run = wandb.init(
    entity="me", project="churn", name="lively-sun", notes="wider", tags=["baseline"],
    config={"learning_rate": 0.02, "model": {"depth": 3}},
)
wandb.config.update({"epochs": 4}, allow_val_change=True)
wandb.config.dropout = 0.2
wandb.config.setdefaults({"epochs": 9, "seed": 1})
assert wandb.run is run and run.config.epochs == 4 and wandb.config["dropout"] == 0.2
wandb.define_metric("epoch")
wandb.define_metric("val/*", step_metric="epoch", summary="max")
wandb.watch(object())

for epoch in range(wandb.config.epochs):
    wandb.log({"acc": epoch / 4}, commit=False)
    wandb.log({"loss": 1 - epoch / 4})
    wandb.log({"epoch": epoch * 10, "val/acc": [0.1, 0.5, 0.9, 0.3][epoch]})
wandb.log({"late": 1}, step=2)
wandb.log({"next": 1}, commit=False)
wandb.log({"far": 2}, step=100)
wandb.log({"here": 3})
wandb.log({"here": 4})
wandb.log({"nested": {"deep": 1}, "text": "words", "nothing": None})

table = wandb.Table(columns=["id", "label"], data=[[1, "a"]])
table.add_data(2, "b")
wandb.log({"table": table, "histogram": wandb.Histogram([1, 2, 2, 3], num_bins=2)})
wandb.log({"page": wandb.Html("<b>hi</b>")})
wandb.log({"matrix": wandb.plot.confusion_matrix(y_true=[0, 1], preds=[1, 1],
                                                 class_names=["no", "yes"])})
wandb.log({"unknown": wandb.plot.something(1)})
with open("model.bin", "w") as file:
    file.write("weights")
artifact = wandb.Artifact("model", type="model", metadata={"a": 1})
artifact.add_file("model.bin")
with artifact.new_file("labels.txt") as file:
    file.write("a b")
run.log_artifact(artifact).wait()
wandb.save("*.bin")
wandb.alert("done", "soon")
wandb.summary["best"] = 0.9
wandb.run.summary["words"] = "kept nowhere"

class Callback(wandb.keras.WandbCallback):
    pass

Callback()
run.finish()
assert wandb.run is None
args = argparse.Namespace(lr=0.1)
with wandb.init(mode="disabled", config=args) as off:
    off.log({"loss": 1})
    assert off.config.lr == 0.1
again = wandb.init(name="lively-sun", resume="allow")
print("goes on at", again.step, again.resumed)
"""

DVCLIVE = """
from jupyter_mlops.compat.dvclive import Live

with Live(save_dvc_exp=True, report="md", exp_message="first") as live:
    live.log_param("epochs", 3)
    live.log_params({"optimizer": {"rate": 0.1}})
    for epoch in range(3):
        live.log_metric("train/loss", 1 / (epoch + 1))
        live.log_metric("val/acc", epoch / 3, plot=False)
        live.next_step()
    live.log_plot("curve", [{"x": 0, "y": 1}, {"x": 1, "y": 2}], x="x", y="y")
    live.log_sklearn_plot("confusion_matrix", [0, 1], [1, 1], name="cm.json")
    live.summary["final"] = 0.5
    with open("model.bin", "w") as file:
        file.write("weights")
    live.log_artifact("model.bin", type="model", name="churn")
    live.something_new(1)
    live.end()
    live.log_metric("after", 1)
live = Live(exp_name="other")
live.step = 7
live.log_metric("acc", 1)
live.end()
print("goes on at", Live(exp_name="other", resume=True).step)
"""


JUNK = """
import jupyter_mlops.compat.wandb as wandb
from jupyter_mlops.compat.dvclive import Live
from tests.compat.test_signatures import CALLS, find

JUNK = [None, object(), "none/such", [object()], float("nan")]
OWNERS = {
    "Run": wandb.init(),
    "Table": wandb.Table(columns=["a"], data=[[1]]),
    "Artifact": wandb.Artifact("a", "b"),
    "Config": wandb.Config(lambda values: None),
    "Live": Live(),
}
for _, name, words in (param.values for param in CALLS):
    names = [word for word in words.split() if not word.startswith("*")]
    for value in JUNK:
        given = [OWNERS[name.split(".")[0]] if word == "self" else value for word in names]
        try:
            find(_, name)(*given)
        except Exception as error:
            print("RAISED", name, repr(value), repr(error))
print(len(CALLS), "calls")
"""


def points(lines: list[Line]) -> list[tuple[float, dict[str, float]]]:
    return [(one.step, dict(one.values)) for one in lines if isinstance(one, Metrics)]


def kept(lines: list[Line]) -> dict[str, str]:
    return {one.name: one.kind for one in lines if isinstance(one, Kept)}


def content(project: Project, run: str, lines: list[Line], name: str) -> str:
    (file,) = [one.file for one in lines if isinstance(one, Kept) and one.name == name]
    (found,) = (project.root / ".git/mlops/runs" / run / "files").glob(f"*/{file}")
    return found.read_text()


def tags(lines: list[Line]) -> list[str]:
    return [tag for one in lines if isinstance(one, Tags) for tag in one.tags]


def notes(lines: list[Line]) -> list[str]:
    return [one.text for one in lines if isinstance(one, Note)]


@pytest.fixture
def started(project: Project) -> Project:
    project.write("mlops.toml", "")
    project.commit("begin")
    return project


def test_mlflow(started: Project) -> None:
    printed = run_script(started, MLFLOW)
    assert "train train-1 runs:/train/model FINISHED\n" in printed
    assert "raised" in printed
    assert values(started, "params/train.json") == {
        "max_iter": 1000,
        "random_state": 8888,
        "solver": "lbfgs",
    }
    assert values(started, "metrics/train-1.json") == {"inner": 5}
    assert values(started, "metrics/train.json") == {"late": "NaN"}
    first, late = series(started, "train")
    assert points(first) == [
        (0, {"accuracy": 0.5}),
        (0, {"accuracy": 0.97}),
        (0, {"loss": 1.0}),
        (1, {"loss": 0.5}),
        (2, {"loss": 1 / 3}),
        (0, {"outer": 6}),
    ]
    assert len(points(late)) == 1
    assert tags(first) == ["experiment=quickstart", "team=a", "Training Info=basic"]
    assert notes(first) == ["first try"]
    assert kept(first) == {
        "notes.txt": "text",
        "config.yaml": "text",
        "predictions.json": "table",
        "model": "model",
    }
    assert content(started, "train", first, "config.yaml") == "a: 1\n"
    assert content(started, "train", first, "predictions.json") == "x,y\n1,a\n2,b\n"
    (broken,) = series(started, "broken")
    (end,) = [one for one in broken if isinstance(one, Ended)]
    assert (end.outcome, end.why) == ("failed", "RuntimeError: out of memory")
    for name in ("set_tracking_uri", "sklearn.autolog", "trace", "MlflowClient"):
        assert printed.count(f"mlflow.{name} is not supported by jupyter_mlops.compat") == 1


def test_threads_have_runs_of_their_own(started: Project) -> None:
    run_script(started, THREADS)
    (search,) = series(started, "search")
    assert {name for _, one in points(search) for name in one} == {"begun", "best"}
    for depth in range(3):
        (lines,) = series(started, f"depth-{depth}")
        assert points(lines) == [(0, {"acc": depth})]
        assert tags(lines) == ["parent=search"]
        assert [one.outcome for one in lines if isinstance(one, Ended)] == ["done"]


def test_wandb(started: Project) -> None:
    printed = run_script(started, WANDB)
    assert values(started, "params/lively-sun.json") == {
        "dropout": 0.2,
        "epochs": 4,
        "learning_rate": 0.02,
        "model.depth": 3,
        "seed": 1,
    }
    last = values(started, "metrics/lively-sun.json")
    assert isinstance(last, dict)
    assert last["val/acc"] == 0.3
    assert last["val/acc.max"] == 0.9
    assert (last["best"], last["nested.deep"]) == (0.9, 1)
    lines, *_ = series(started, "lively-sun")
    logged = points(lines)
    assert [(step, one["acc"]) for step, one in logged if "acc" in one] == [
        (0, 0.0),
        (2, 0.25),
        (4, 0.5),
        (6, 0.75),
    ]
    assert [step for step, one in logged if "loss" in one] == [0, 2, 4, 6]
    assert [step for step, one in logged if "val/acc" in one] == [0, 10, 20, 30]
    steps = {name: step for step, one in logged for name in one}
    assert (steps["late"], steps["next"], steps["far"]) == (2, 8, 100)
    assert [step for step, one in logged if "here" in one] == [100, 101]
    assert tags(lines) == ["churn", "baseline"]
    assert notes(lines) == ["wider", "done: soon"]
    assert kept(lines) == {
        "table": "table",
        "histogram": "table",
        "page.html": "text",
        "matrix": "table",
        "model/model.bin": "file",
        "model/labels.txt": "file",
        "model.bin": "file",
    }
    assert content(started, "lively-sun", lines, "table") == "id,label\n1,a\n2,b\n"
    assert content(started, "lively-sun", lines, "matrix") == "actual,predicted\nno,yes\nyes,yes\n"
    assert content(started, "lively-sun", lines, "model/labels.txt") == "a b"
    assert not (started.root / "metrics/train.json").exists()
    for name in ("watch", "plot.something", "keras"):
        assert printed.count(f"wandb.{name} is not supported by jupyter_mlops.compat") == 1
    assert "'text' is text, and is not kept" in printed
    assert "goes on at 108 True" in printed
    assert "Traceback" not in printed


def test_dvclive(started: Project) -> None:
    printed = run_script(started, DVCLIVE)
    assert values(started, "params/train.json") == {"epochs": 3, "optimizer.rate": 0.1}
    assert values(started, "metrics/train.json") == {
        "after": 1,
        "final": 0.5,
        "train/loss": 1 / 3,
        "val/acc": 2 / 3,
    }
    (lines,) = series(started, "train")
    assert [step for step, one in points(lines) if "train/loss" in one] == [0, 1, 2]
    assert kept(lines) == {"curve": "table", "cm.json": "table", "churn": "file"}
    assert [isinstance(one, Ended) for one in lines].index(True) == len(lines) - 1
    assert content(started, "train", lines, "cm.json") == "actual,predicted\n0,1\n1,1\n"
    assert notes(lines) == ["first"]
    assert printed.count("Live.something_new is not supported by jupyter_mlops.compat") == 1
    other, *_ = series(started, "other")
    assert points(other) == [(7, {"acc": 1})]
    assert "goes on at 8" in printed


def test_nothing_raises_whatever_is_passed_in(started: Project) -> None:
    root = str(Path(__file__).parents[2])
    printed = run_script(started, JUNK, env={"PYTHONPATH": root})
    assert "calls\n" in printed
    raised = [line for line in printed.splitlines() if line.startswith("RAISED")]
    assert raised == []


def test_nothing_raises_without_a_project(tmp_path_factory: pytest.TempPathFactory) -> None:
    project = Project(tmp_path_factory.mktemp("none"))
    code = "import jupyter_mlops.compat.wandb as wandb\n" + "\n".join(
        f"wandb.{call}"
        for call in (
            "init(config=3)",
            "log(None)",
            "log({'a': object(), 'b': 1})",
            "save('*/none')",
            "log_artifact('none')",
            "define_metric(None, step_metric=object())",
            "summary.update({'a': [1]})",
            "finish(1)",
        )
    )
    printed = run_script(project, f"{code}\nprint('end')\n")
    assert "end\n" in printed
    assert json.loads((project.root / "metrics/train.json").read_text()) == {"b": 1}
