"""Images, figures, tables, texts, models and files that a run keeps."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import stat
from pathlib import Path
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest
from bokeh.plotting import figure
from PIL import Image
from pyarrow import parquet
from sklearn.linear_model import LinearRegression

from jupyter_mlops.formats.run import Kept, parse_line
from jupyter_mlops.tracking.content import file_name
from jupyter_mlops.tracking.executions import new_execution
from jupyter_mlops.tracking.place import Place, resolve_place
from jupyter_mlops.tracking.run import Run
from jupyter_mlops.tracking.run_files import RunFiles
from tests.support.project import Project


@pytest.fixture
def files(project: Project) -> RunFiles:
    return RunFiles(resolve_place(project.root), new_execution("train", 1.5))


@pytest.fixture
def run(files: RunFiles) -> Run:
    return Run("train", files)


def kept(files: RunFiles) -> list[tuple[Kept, Path]]:
    """Return what the run kept, with its file."""
    assert files.place.runs_dir is not None
    folder = files.place.runs_dir / "train"
    series = min(folder.glob("*.jsonl"))
    lines = [parse_line(line, origin="s") for line in series.read_bytes().splitlines()]
    own = folder / "files" / files.execution.id
    assert not [name for name in own.iterdir() if name.name.startswith(".")]
    found = [(line, own / line.file) for line in lines if isinstance(line, Kept)]
    for line, path in found:
        if path.is_file():
            assert path.stat().st_size == line.size_bytes
            assert path.stat().st_mode & 0o444 == series.stat().st_mode & 0o444
    return found


def only(files: RunFiles) -> tuple[Kept, Path]:
    ((line, path),) = kept(files)
    return line, path


@pytest.mark.parametrize(
    ("array", "size", "pixel"),
    [
        (numpy.full((2, 3), 255, "uint8"), (3, 2), 255),
        (numpy.full((2, 3), 1.0), (3, 2), 255),
        (numpy.full((2, 3, 1), 0.5), (3, 2), 128),
        (numpy.full((2, 3, 3), 300), (3, 2), (255, 255, 255)),
        (numpy.full((4, 2, 5), numpy.nan), (5, 2), (0, 0, 0, 0)),
        (numpy.full((2, 3), True), (3, 2), 255),
        ([[0, 255]], (2, 1), 0),
    ],
)
def test_images_of_arrays(
    run: Run, files: RunFiles, array: object, size: tuple[int, int], pixel: object
) -> None:
    run.log_image("a/b", array, step=3)
    line, path = only(files)
    assert (line.kind, line.name, line.file, line.step) == ("image", "a/b", "a-b-3.png", 3)
    assert line.media_type == "image/png"
    with Image.open(path) as image:
        assert image.size == size
        assert image.getpixel((0, 0)) == pixel


def test_images_of_pillow_and_of_files(run: Run, files: RunFiles, tmp_path: Path) -> None:
    Image.new("CMYK", (2, 3)).save(tmp_path / "x.jpg")
    run.log_image("pillow", Image.new("CMYK", (2, 3)))
    run.log_image("file", tmp_path / "x.jpg")
    (one, first), (two, second) = kept(files)
    assert (one.file, one.media_type) == ("pillow.png", "image/png")
    assert Image.open(first).size == (2, 3)
    assert (two.file, two.media_type) == ("file.jpg", "image/jpeg")
    assert second.read_bytes() == (tmp_path / "x.jpg").read_bytes()


def test_a_figure_of_bokeh_needs_no_network(run: Run, files: RunFiles) -> None:
    plot = figure()
    plot.line([1, 2], [3, 4])
    run.log_figure("roc", plot)
    line, path = only(files)
    assert (line.kind, line.file, line.media_type) == ("figure", "roc.html", "text/html")
    page = path.read_text()
    assert "Bokeh" in page
    assert "<script src=" not in page


class Figure:
    """What of matplotlib's figures counts here."""

    def savefig(self, path: Path, **options: object) -> None:
        path.write_bytes(json.dumps(sorted(options)).encode())


class Axes:
    figure = Figure()


class Plot:
    """What of plotly's figures counts here."""

    def to_html(self, **options: object) -> str:
        return json.dumps(options)


Plot.__module__ = "plotly.graph_objs"


def test_figures_of_matplotlib_and_plotly(run: Run, files: RunFiles) -> None:
    run.log_figure("figure", Figure())
    run.log_figure("axes", Axes())
    run.log_figure("plotly", Plot())
    (one, _), (two, _), (three, page) = kept(files)
    assert (one.file, two.file, three.file) == ("figure.png", "axes.png", "plotly.html")
    assert json.loads(page.read_text()) == {"full_html": True, "include_plotlyjs": True}


@pytest.mark.parametrize(
    "table",
    [
        pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        polars.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        polars.LazyFrame({"a": [1, 2], "b": ["x", "y"]}),
        pyarrow.table({"a": [1, 2], "b": ["x", "y"]}),
    ],
)
def test_tables_are_kept_as_parquet(run: Run, files: RunFiles, table: object) -> None:
    run.log_table("errors", table)
    line, path = only(files)
    assert (line.kind, line.file) == ("table", "errors.parquet")
    assert parquet.read_table(path).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize(
    "table",
    [[{"a": 1, "b": "x"}, {"a": 2, "c": "y\nz"}], {"a": [1, 2], "b": ["x", ""], "c": ["", "y\nz"]}],
)
def test_tables_of_mappings_are_kept_as_csv(run: Run, files: RunFiles, table: object) -> None:
    run.log_table("errors.csv", table)
    line, path = only(files)
    assert (line.name, line.file, line.media_type) == ("errors.csv", "errors.csv", "text/csv")
    assert list(csv.DictReader(io.StringIO(path.read_text(), newline=""))) == [
        {"a": "1", "b": "x", "c": ""},
        {"a": "2", "b": "", "c": "y\nz"},
    ]


def test_a_table_that_parquet_cannot_say_is_kept_as_csv(run: Run, files: RunFiles) -> None:
    run.log_table("odd", pandas.DataFrame({"a": [1, "x", object]}))
    assert only(files)[0].file == "odd.csv"


def test_texts(run: Run, files: RunFiles) -> None:
    run.log_text("summary", "größer\ud800")
    run.log_text("report.md", "# R")
    (one, first), (two, _) = kept(files)
    assert (one.file, one.media_type) == ("summary.txt", "text/plain")
    assert first.read_bytes() == "größer?".encode()
    assert two.file == "report.md"


def test_nothing_that_was_kept_is_replaced(run: Run, files: RunFiles) -> None:
    for text in ("one", "two", "three"):
        run.log_text("same", text)
    Run("train", files.for_child()).log_text("same", "other")
    found = kept(files)
    assert [line.file for line, _ in found][:3] == ["same.txt", "same.2.txt", "same.3.txt"]
    assert {path.name for path in found[0][1].parent.iterdir()} == {
        "same.txt",
        "same.2.txt",
        "same.3.txt",
        "same.4.txt",
    }
    assert [path.read_text() for _, path in found][:3] == ["one", "two", "three"]


def test_files_and_folders_are_copied(run: Run, files: RunFiles, tmp_path: Path) -> None:
    source = tmp_path / "model"
    (source / "sub/empty").mkdir(parents=True)
    (source / "weights.bin").write_bytes(bytes(3_000_000))
    (source / "sub/x").write_text("x")
    (source / "out").symlink_to("/etc")
    run.log_artifact(source)
    run.log_artifact(str(source / "weights.bin"), "renamed")
    (one, folder), (two, file) = kept(files)
    assert (one.kind, one.file, one.media_type) == ("file", "model", "inode/directory")
    assert one.size_bytes == 3_000_001
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == [
        "sub",
        "sub/empty",
        "sub/x",
        "weights.bin",
    ]
    assert (two.name, two.file) == ("renamed", "renamed.bin")
    assert file.read_bytes() == bytes(3_000_000)
    assert stat.S_ISREG(file.lstat().st_mode)


def test_a_folder_that_holds_the_project_can_be_kept(run: Run, files: RunFiles) -> None:
    (files.place.root / "a.txt").write_text("a")
    run.log_artifact(files.place.root, "all")
    line, folder = only(files)
    assert line.file == "all"
    assert sorted(path.name for path in folder.rglob("*")) == ["README.md", "a.txt"]


def test_what_never_ends_is_not_kept(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.mkfifo(tmp_path / "pipe")
    run.log_artifact(tmp_path / "pipe")
    run.log_artifact("/dev/zero")
    assert len([r for r in caplog.records if "no file and no folder" in r.getMessage()]) == 2


class Model:
    """A model that can say itself in one library's way."""

    def state_dict(self) -> dict[str, Any]:
        return {"weight": [1]}

    def save_raw(self, form: str) -> bytearray:
        return bytearray(form.encode())

    def model_to_string(self) -> str:
        return "tree"

    def save_model(self, path: str) -> None:
        Path(path).write_text("cat")

    def save(self, path: Path) -> None:
        assert path.suffix == ".keras"
        path.write_text("keras")

    def SerializeToString(self) -> bytes:
        return b"onnx"


@pytest.mark.parametrize(
    ("library", "file", "content"),
    [
        ("xgboost.sklearn", "m.ubj", b"ubj"),
        ("lightgbm.basic", "m.txt", b"tree"),
        ("catboost.core", "m.cbm", b"cat"),
        ("keras.src.models", "m.keras", b"keras"),
        ("onnx.onnx_ml_pb2", "m.onnx", b"onnx"),
    ],
)
def test_models_in_their_own_format(
    run: Run, files: RunFiles, library: str, file: str, content: bytes
) -> None:
    kind = type("Theirs", (Model,), {"__module__": library})
    mine = type("Mine", (kind,), {})
    run.log_model("m", mine())
    line, path = only(files)
    assert (line.kind, line.file, path.read_bytes()) == ("model", file, content)


def test_a_model_without_a_safe_format_is_pickled_only_where_that_is_asked_for(
    run: Run, files: RunFiles, caplog: pytest.LogCaptureFixture
) -> None:
    model = LinearRegression().fit([[0], [1]], [0, 1])
    run.log_text("x", "x")
    run.log_model("linear", model)
    run.log_model("mine", {"weights": 1})
    assert len(kept(files)) == 1
    one, two = [record.getMessage() for record in caplog.records]
    assert "pip install skops" in one
    assert "Error" not in one
    assert "pickle=True" in two
    run.log_model("linear", model, pickle=True)
    line, path = kept(files)[1]
    assert line.file == "linear.pkl"
    assert pickle.loads(path.read_bytes()).predict([[2]]) == pytest.approx([2])


@pytest.mark.parametrize(
    ("call", "value", "told"),
    [
        ("log_image", numpy.zeros((2, 2, 7)), "1, 3 or 4 channels"),
        ("log_image", "README", "no file or folder README"),
        ("log_image", __file__, "not the path of an image"),
        ("log_image", object(), "no image"),
        ("log_figure", 3, "no figure of matplotlib, Bokeh or plotly"),
        ("log_table", 3, "no table of pandas"),
        ("log_table", [1, 2], "no table of pandas"),
    ],
)
def test_what_cannot_be_kept_is_told_and_does_not_raise(
    run: Run, caplog: pytest.LogCaptureFixture, call: str, value: object, told: str
) -> None:
    for _ in range(2):
        getattr(run, call)("x", value)
    (record,) = caplog.records
    assert f"A call of {call} could not be kept" in record.getMessage()
    assert told in record.getMessage()


def test_outside_of_a_project_nothing_is_kept_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run("train", RunFiles(Place(tmp_path), new_execution("train", 1.5)))
    run.log_text("x", "x")
    run.log_artifact(3)
    assert "There is no Git project to keep it in" in caplog.text
    assert "int is no path" in caplog.text


@pytest.mark.parametrize(
    ("name", "step", "suffix", "file"),
    [
        ("roc", None, ".png", "roc.png"),
        ("roc.png", 3, ".png", "roc-3.png"),
        ("../../etc/passwd", None, ".txt", "etc-passwd.txt"),
        ("", 1.5, ".csv", "run-1.5.csv"),
        ("model", None, "", "model"),
    ],
)
def test_files_are_called_as_what_they_hold(
    name: str, step: float | None, suffix: str, file: str
) -> None:
    assert file_name(name, step, suffix) == file
