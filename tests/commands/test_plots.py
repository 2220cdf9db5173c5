from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from jupyter_mlops.commands.plot_results import PlotsResult
from jupyter_mlops.commands.plots_diff import plots_diff
from jupyter_mlops.commands.plots_show import plots_show
from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.plots.read import IMAGES_LIMIT_BYTES, PLOTS_LIMIT
from jupyter_mlops.tracking.executions import Execution
from jupyter_mlops.tracking.place import resolve_place
from jupyter_mlops.tracking.run import Run
from jupyter_mlops.tracking.run_files import RunFiles
from tests.support.data_project import DataProject, make_data_project
from tests.support.series import NOON

IDS = ("k7abc234mnop", "ztrwhd6ahgae", "gaaaaaaaaaaa")
LOSS = "step,loss\n0,1\n1,0.5\n"


def show(project: DataProject, revision: str | None = None, **options: Any) -> PlotsResult:
    return plots_show(project.open(), revision, **options)


def diff(
    project: DataProject, old: str | None = None, *new: str, plot: tuple[str, ...] = ()
) -> PlotsResult:
    return plots_diff(project.open(), old, new, plot=plot)


def titles(result: PlotsResult) -> list[str]:
    return [plot.title for plot in result.plots]


def values(result: PlotsResult) -> Mapping[str, tuple[float | None, ...]]:
    """Return what each trace of the first plot has along y, by what a legend says of it."""
    return {trace.label: trace.y for trace in result.plots[0].traces}


def image(colour: str, size: tuple[int, int] = (30, 20)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, "PNG")
    return written.getvalue()


def parquet(**columns: list[object]) -> bytes:
    written = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), written)
    return written.getvalue()


def text(result: PlotsResult) -> str:
    return render_text(result.describe())


def test_without_a_word_the_tables_and_images_in_plots_are_drawn(data_project: DataProject) -> None:
    data_project.write("plots/loss.csv", LOSS)
    data_project.write("plots/deep/sample.png", image("red"))
    data_project.write("plots/readme.md", "no plot")
    data_project.write("elsewhere.csv", LOSS)
    result = show(data_project)
    assert titles(result) == ["plots/deep/sample.png", "plots/loss.csv: loss"]
    assert result.problems == ()
    assert "plots of the working tree" in text(result)


def test_before_there_is_anything_to_draw(data_project: DataProject) -> None:
    said = text(show(data_project))
    assert "There is nothing to draw in the working tree." in said
    assert "[[plot]]" in said


def test_any_revision_is_drawn_as_it_was(data_project: DataProject) -> None:
    data_project.write("plots/loss.csv", LOSS)
    first = data_project.commit("first")
    data_project.write("plots/loss.csv", "step,loss\n0,3\n")
    data_project.git("branch", "old", first)
    assert values(show(data_project, "old")) == {"loss": (1.0, 0.5)}
    assert values(show(data_project)) == {"loss": (3.0,)}
    result = diff(data_project, "old")
    assert values(result) == {"old": (1.0, 0.5), "working tree": (3.0,)}
    assert [(one.revision, one.commit) for one in result.revisions] == [
        ("old", first),
        (None, None),
    ]


def test_what_does_not_differ_is_left_out_unless_it_is_named(data_project: DataProject) -> None:
    data_project.write("plots/loss.csv", LOSS)
    data_project.write("plots/acc.csv", "step,acc\n0,1\n")
    data_project.write("plots/a.png", image("red"))
    data_project.commit("first")
    data_project.write("plots/acc.csv", "step,acc\n0,2\n")
    result = diff(data_project)
    assert titles(result) == ["plots/acc.csv: acc"]
    assert result.unchanged == ("plots/a.png", "plots/loss.csv: loss")
    assert "The same in all: plots/a.png, plots/loss.csv: loss." in text(result)
    assert titles(diff(data_project, plot=("loss",))) == ["plots/loss.csv: loss"]
    data_project.write("plots/acc.csv", "step,acc\n0,1\n")
    assert "No plot differs between HEAD and the working tree, of 3 plots." in text(
        diff(data_project)
    )


def test_what_one_revision_lacks_is_drawn_of_the_others(data_project: DataProject) -> None:
    data_project.commit("empty")
    data_project.write("plots/loss.csv", LOSS)
    result = diff(data_project)
    assert values(result) == {"loss": (1.0, 0.5)}
    assert result.plots[0].notes == ("not in HEAD",)
    assert not result.plots[0].same


def test_before_the_first_commit(tmp_path: Path) -> None:
    project = make_data_project(tmp_path / "new")
    project.git("update-ref", "-d", "HEAD")
    project.write("plots/loss.csv", LOSS)
    assert diff(project).plots[0].notes == ("not in HEAD",)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_tracked_data_is_read_from_the_store(data_project: DataProject, kind: str) -> None:
    data_project.write(
        "mlops.toml", '[[plot]]\nfile = "out/*.parquet"\n[[plot]]\nfile = "out/a.png"'
    )
    data_project.write("out/p.parquet", parquet(step=[0, 1], loss=[1.0, 0.5]))
    data_project.write("out/a.png", image("red"))
    paths = ("out",) if kind == "folder" else ("out/p.parquet", "out/a.png")
    data_project.snapshot(*paths, name="first")
    data_project.commit("first")
    data_project.write("out/p.parquet", parquet(step=[0], loss=[9.0]))
    data_project.snapshot(*paths, name="second")
    for path in ("out/p.parquet", "out/a.png"):
        (data_project.root / path).unlink()
    result = diff(data_project, "first", "second")
    assert values(result) == {"first": (1.0, 0.5), "second": (9.0,)}
    assert result.unchanged == ("out/a.png",)
    assert titles(show(data_project)) == ["out/p.parquet: loss", "out/a.png"]


def test_content_that_is_not_here_names_what_mends_it(
    data_project: DataProject, tmp_path: Path
) -> None:
    data_project.write("plots/loss.csv", LOSS)
    data_project.write("plots/here.csv", LOSS)
    data_project.snapshot("plots/loss.csv")
    data_project.write("mlops.toml", f'[remotes.store]\nurl = "{tmp_path / "away"}"\n')
    data_project.commit("tracked")
    clone = DataProject(data_project.clone(tmp_path / "clone").root)
    (tmp_path / "away").mkdir()
    for hint in ("jupyter mlops remote test store --yes", "jupyter mlops pull plots/loss.csv"):
        result = show(clone)
        assert titles(result) == ["plots/here.csv: loss"]
        (problem,) = result.problems
        assert (problem.name, problem.hint) == ("plots/loss.csv", hint)
        assert hint in text(result)
        clone.mlops("remote", "test", "store", "--yes")


def test_content_comes_from_the_remote(data_project: DataProject, tmp_path: Path) -> None:
    data_project.write("plots/loss.csv", LOSS)
    data_project.snapshot("plots/loss.csv")
    data_project.mlops("remote", "add", "store", str(tmp_path / "away"))
    data_project.commit("tracked")
    assert data_project.mlops("push").returncode == 0
    clone = DataProject(data_project.clone(tmp_path / "clone").root)
    assert values(show(clone)) == {"loss": (1.0, 0.5)}
    assert not (clone.root / "plots/loss.csv").exists()


def test_a_wrong_column_is_named_once_and_the_rest_is_drawn(data_project: DataProject) -> None:
    data_project.write(
        "mlops.toml",
        '[[plot]]\nfile = "a.csv"\ny = "lo"\n[[plot]]\nfile = "a.csv"\ny = "loss"\n'
        '[[plot]]\nfile = "gone.csv"\n[[plot]]\nfile = "bad.csv"\n',
    )
    data_project.write("a.csv", LOSS)
    data_project.write("bad.csv", b"\xff\xfe")
    data_project.commit("first")
    result = diff(data_project, plot=("a", "gone", "bad"))
    assert titles(result) == ["a.csv"]
    assert [(one.name, one.revisions, one.why) for one in result.problems] == [
        ("a.csv", ("HEAD", None), "it has no column lo; its columns are: step, loss"),
        ("gone.csv", (), "there is no such file"),
        ("bad.csv", ("HEAD", None), "it is not UTF-8"),
    ]
    assert "Left out a.csv at HEAD and the working tree: it has no column lo" in text(result)


def test_a_link_is_not_followed(data_project: DataProject, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(LOSS)
    data_project.write("mlops.toml", '[[plot]]\nfile = "link.csv"\n[[plot]]\nfile = "in/a.csv"\n')
    (data_project.root / "link.csv").symlink_to(tmp_path / "secret.csv")
    (data_project.root / "in").symlink_to(tmp_path)
    data_project.git("add", "--all")
    data_project.git("commit", "--quiet", "-m", "links")
    result = diff(data_project)
    assert result.plots == ()
    assert [(one.name, one.revisions) for one in result.problems] == [
        ("link.csv", (None,)),
        ("in/a.csv", (None,)),
    ]


def log(project: DataProject, number: int, **metrics: list[float]) -> None:
    """Log metrics step by step, as the process of one execution of ``train.py`` does."""
    execution = Execution("train", IDS[number], NOON + number)
    run = Run("train", RunFiles(resolve_place(project.root), execution))
    for name, values in metrics.items():
        for step, value in enumerate(values):
            run.log({name: value}, step=step)
    run.end()


def test_the_series_of_runs_are_drawn_of_each_revision_that_has_their_values(
    data_project: DataProject,
) -> None:
    log(data_project, 0, loss=[3.0, 2.0], val_acc=[0.1])
    first = data_project.commit("first")
    log(data_project, 1, loss=[5.0, 1.0, 0.5], val_acc=[0.1])
    second = data_project.commit("second")
    log(data_project, 2, loss=[9.0])
    result = diff(data_project, first, second)
    assert titles(result) == ["train: loss"]
    assert result.unchanged == ("train: val_acc",)
    assert values(result) == {first: (3.0, 2.0), second: (5.0, 1.0, 0.5)}
    assert result.plots[0].x_label == "step"
    assert values(show(data_project, plot=("train:loss",))) == {"loss": (9.0,)}
    data_project.write("mlops.toml", '[[plot]]\nrun = "train"\nmetric = "loss"\ntitle = "L"\n')
    assert titles(diff(data_project, first)) == ["L"]
    assert diff(data_project, first, "HEAD").problems == ()
    data_project.write("metrics/train.json", '{"loss": 77}')
    data_project.commit("logged elsewhere")
    result = diff(data_project, first, "HEAD")
    assert result.plots[0].notes == ("not in HEAD",)
    (problem,) = show(data_project, "HEAD").problems
    assert "its series is not on this machine" in problem.why


def test_a_snapshot_has_the_series_that_it_took_along(data_project: DataProject) -> None:
    log(data_project, 0, loss=[3.0, 2.0], step=[7.0, 8.0])
    data_project.snapshot(name="first")
    shutil.rmtree(data_project.root / ".git/mlops/runs")
    log(data_project, 1, loss=[5.0])
    assert values(diff(data_project, "first", plot=("loss",))) == {
        "first": (3.0, 2.0),
        "working tree": (5.0,),
    }
    assert values(show(data_project, "first", plot=("train:step",))) == {"step": (7.0, 8.0)}


def test_what_dvc_names_is_drawn_where_no_plots_are_named(data_project: DataProject) -> None:
    data_project.write(
        "dvc.yaml",
        "plots:\n"
        "- dvclive/plots/metrics:\n    x: step\n"
        "- dvclive/plots/sklearn/roc.json:\n    template: simple\n    x: fpr\n    y: tpr\n"
        "    title: ROC\n    x_label: False alarms\n"
        "- bars.json:\n    template: bar_horizontal\n    x: v\n    y: f\n"
        "- plots/gone.csv\n"
        "- plots/named.csv:\n    title: Named\n",
    )
    data_project.write("dvclive/plots/metrics/train/loss.tsv", "step\tloss\n0\t1\n1\t0.5\n")
    data_project.write(
        "dvclive/plots/sklearn/roc.json",
        '{"roc": [{"fpr": 0, "tpr": 0, "threshold": "inf"}, {"fpr": 1, "tpr": 1, "threshold": 0}]}',
    )
    data_project.write("bars.json", '[{"f": "a", "v": 1}, {"f": "b", "v": 2}]')
    data_project.write("plots/own.csv", LOSS)
    data_project.write("plots/named.csv", LOSS)
    commit = data_project.commit("dvc")
    for revision in (None, commit):
        result = show(data_project, revision)
        assert [(one.title, one.template, one.x_label) for one in result.plots] == [
            ("dvclive/plots/metrics/train/loss.tsv: loss", "line", "step"),
            ("ROC", "line", "False alarms"),
            ("bars.json", "bar", "f"),
            ("Named", "line", "step"),
            ("plots/own.csv: loss", "line", "step"),
        ]
        assert [one.name for one in result.problems] == ["plots/gone.csv"]
    data_project.write("mlops.toml", '[[plot]]\nfile = "plots/own.csv"\n')
    assert titles(show(data_project)) == ["plots/own.csv: loss"]


def test_names_of_plots(data_project: DataProject) -> None:
    data_project.write(
        "mlops.toml", '[[plot]]\nfile = "a/loss.csv"\ntitle = "Loss"\n[[plot]]\nfile = "b/acc.csv"'
    )
    data_project.write("a/loss.csv", "step,train,val\n0,1,2\n")
    data_project.write("b/acc.csv", LOSS)
    every = ["Loss: train", "Loss: val"]
    for name, wanted in {
        "Loss": every,
        "loss": every,
        "loss.csv": every,
        "a/loss.csv": every,
        "Loss: val": every[1:],
        "loss:val": every[1:],
        "a/loss.csv:val": every[1:],
    }.items():
        assert titles(show(data_project, plot=(name,))) == wanted
    assert titles(show(data_project, plot=("Loss: val", "acc"))) == [
        *("Loss: val", "b/acc.csv: loss")
    ]
    with pytest.raises(NotFoundError) as raised:
        show(data_project, plot=("oss",))
    assert raised.value.code == "unknown-plot"
    assert "Loss, b/acc.csv" in raised.value.message
    with pytest.raises(NotFoundError) as raised:
        show(data_project, "nowhere")
    assert raised.value.code == "unknown-revision"
    with pytest.raises(UsageError, match="9 revisions cannot be told apart"):
        diff(data_project, *["HEAD"] * 9)


def test_no_more_is_drawn_than_a_page_can_hold(data_project: DataProject) -> None:
    for at in range(PLOTS_LIMIT + 3):
        data_project.write(f"plots/{at:03}.csv", LOSS)
    result = show(data_project)
    assert len(result.plots) == PLOTS_LIMIT
    assert result.problems[0].why == f"3 plots of {PLOTS_LIMIT + 3} are drawn when they are named"
    shutil.rmtree(data_project.root / "plots")
    noise = image("red") + bytes(4_000_000)
    count = IMAGES_LIMIT_BYTES // len(noise)
    for at in range(count + 1):
        data_project.write(f"plots/{at}.png", noise)
    images = [plot.images[0].content is not None for plot in show(data_project).plots]
    assert images == [True] * count + [False]
    assert show(data_project, plot=(f"{count}.png",)).plots[0].images[0].content == noise


def test_the_json(data_project: DataProject) -> None:
    data_project.write("plots/loss.csv", "step,loss\n0,1\n1,nan\n2,inf\n")
    data_project.write("plots/a.png", image("red"))
    encoded = json.loads(encode_result(show(data_project)))
    assert encoded["revisions"] == [{"label": "working tree", "revision": None, "commit": None}]
    picture, loss = encoded["plots"]
    assert (picture["images"][0]["media_type"], picture["images"][0]["width"]) == ("image/png", 30)
    assert loss["traces"] == [
        {
            "label": "loss",
            "side": 0,
            "style": 0,
            "x": [0.0, 1.0, 2.0],
            "y": [1.0, None, None],
            "count": 2,
        }
    ]


def test_a_page_is_written(data_project: DataProject) -> None:
    data_project.write("plots/loss.csv", LOSS)
    result = show(data_project, html=Path("out.html"))
    page = (data_project.root / "out.html").read_text("utf-8")
    assert result.html == str(data_project.root / "out.html")
    assert page.startswith("<!DOCTYPE html>")
    assert "1 plot of the working tree" in page
    assert "plots/loss.csv: loss" in page
