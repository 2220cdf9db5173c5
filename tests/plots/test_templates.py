from __future__ import annotations

import math
import statistics
from typing import Any

import pytest

from jupyter_mlops.config import PlotConfig
from jupyter_mlops.plots.drawing import STYLES
from jupyter_mlops.plots.series import BINS, CATEGORIES_LIMIT
from jupyter_mlops.plots.templates import GUESSED_LINES
from tests.plots.conftest import draw

FILE = PlotConfig(file="plots/a.csv")


def of(**settings: Any) -> PlotConfig:
    return PlotConfig(file="plots/a.csv", **settings)


def test_each_column_of_numbers_is_a_plot_over_the_steps() -> None:
    plots = draw("line", FILE, main={"loss": [3, 2], "Epoch": [1, 2], "acc": [0, 1], "who": "ab"})
    assert [(one.name, one.title, one.x_label, one.y_label) for one in plots] == [
        ("plots/a.csv:loss", "plots/a.csv: loss", "Epoch", "loss"),
        ("plots/a.csv:acc", "plots/a.csv: acc", "Epoch", "acc"),
    ]
    (trace,) = plots[0].traces
    assert (trace.label, trace.x, trace.y) == ("loss", (1.0, 2.0), (3.0, 2.0))


def test_columns_that_are_named_share_a_plot_and_revisions_share_it_too() -> None:
    (plot,) = draw(
        "line",
        of(y=("train", "val"), title="Loss"),
        main={"train": [1], "val": [2]},
        feat={"train": [3], "val": [4]},
    )
    assert plot.title == "Loss"
    assert [(one.label, one.side, one.style, one.y) for one in plot.traces] == [
        ("train · main", 0, 0, (1.0,)),
        ("val · main", 0, 1, (2.0,)),
        ("train · feat", 1, 2, (3.0,)),
        ("val · feat", 1, 3, (4.0,)),
    ]


def test_a_line_goes_along_its_x_and_breaks_where_there_is_no_number() -> None:
    (plot,) = draw(
        "line", of(x="x", y=("y",)), main={"x": [3, 1, None, 2], "y": [30, 10, 99, math.inf]}
    )
    (trace,) = plot.traces
    assert (trace.x, trace.y) == ((1.0, 2.0, 3.0), (10.0, None, 30.0))


def test_dates_and_words_along_x() -> None:
    (plot,) = draw("line", of(x="d", y=("y",)), main={"d": ["2026-01-02", None], "y": [1, 2]})
    assert plot.scale == "time"
    assert plot.traces[0].x[0] == 1_767_312_000_000
    (plot,) = draw(
        "line",
        of(x="d", y=("y",)),
        main={"d": ["mon", "tue"], "y": [1, 2]},
        feat={"d": ["wed", "mon"], "y": [3, 4]},
    )
    assert (plot.scale, plot.categories) == ("category", ("mon", "tue", "wed"))
    assert plot.traces[1].x == (0.0, 2.0)


def test_of_many_words_the_first_are_drawn() -> None:
    words = [f"w{at}" for at in range(CATEGORIES_LIMIT + 5)]
    (plot,) = draw("bar", of(x="w", y=("y",)), main={"w": words, "y": range(len(words))})
    assert len(plot.categories) == len(plot.traces[0].x) == CATEGORIES_LIMIT
    assert plot.notes == (f"5 categories left out: only the first {CATEGORIES_LIMIT} are drawn",)


def test_values_that_are_no_numbers_are_told() -> None:
    (plot,) = draw("line", of(y=("y",)), main={"y": [1, "<b>", 3, 4]})
    assert plot.traces[0].y == (1.0, None, 3.0, 4.0)
    assert plot.notes == ("1 value is no number, such as <b>",)
    with pytest.raises(ValueError, match="no column of it holds numbers: y"):
        draw("line", FILE, main={"y": ["a", "b"]})


def test_of_many_columns_the_first_are_drawn() -> None:
    plots = draw("line", FILE, main={f"c{at}": [at] for at in range(GUESSED_LINES + 3)})
    assert len(plots) == GUESSED_LINES
    assert plots[-1].notes == ("3 more columns of numbers: name those to draw as y",)


def test_more_traces_than_looks_share_the_grey_one() -> None:
    names = tuple(f"y{at}" for at in range(STYLES + 2))
    (plot,) = draw("line", of(y=names), main={name: [1] for name in names})
    assert [one.style for one in plot.traces] == [*range(STYLES), -1, -1]


def test_a_histogram_counts_in_the_same_stretches_in_all_revisions() -> None:
    (plot,) = draw(
        "histogram", of(y=("y",)), main={"y": [15.0, None]}, feat={"y": [0.0, 0.0, 30.0]}
    )
    main, feat = plot.traces
    assert main.x == feat.x
    assert max(y for y in feat.y if y is not None) == 2
    assert (main.count, feat.count) == (1, 3)
    assert (main.x[0], main.x[-1]) == (0.0, 30.0)
    assert len(set(main.x)) == BINS + 1
    with pytest.raises(ValueError, match="no numbers to count"):
        draw("histogram", of(y=("y",)), main={"y": ["a"]})
    with pytest.raises(ValueError, match="too far apart"):
        draw("histogram", of(y=("y",)), main={"y": [1.7e308, -1.7e308]})


def test_confusion_matrices_are_subtracted_from_the_first() -> None:
    actual, old, new = ["a", "b", "b"], ["a", "a", "b"], ["a", "b", "b"]
    (plot,) = draw(
        "confusion",
        FILE,
        main={"actual": actual, "predicted": old},
        feat={"actual": actual, "predicted": new},
    )
    assert plot.categories == ("a", "b")
    assert [(one.label, one.minus, one.counts) for one in plot.matrices] == [
        ("main", None, ((1, 0), (1, 1))),
        ("feat", None, ((1, 0), (0, 2))),
        ("feat − main", 0, ((0, 0), (-1, 1))),
    ]


def test_a_curve_says_its_area_and_which_class_is_positive() -> None:
    columns: dict[str, list[object]] = {
        "label": ["cat", "dog", "cat", None],
        "p": [0.9, 0.2, 0.8, 1.0],
    }
    plot = of(x="label", y=("p",), positive="cat")
    (roc,) = draw("roc", plot, main=columns)
    assert roc.traces[0].label == "AUC 1.0000"
    assert roc.guide == "diagonal"
    assert roc.notes == ("1 row left out: no class or no score", "the positive class is cat")
    (curve,) = draw("pr", plot, main=columns, feat={**columns, "p": [0.1, 0.2, 0.3, 0.4]})
    assert [one.label for one in curve.traces] == [
        "main · average precision 1.0000",
        "feat · average precision 0.8333",
    ]


def test_residuals_are_what_is_there_less_what_was_predicted() -> None:
    true, guessed = [1.0, 2.0, 4.0], [1.5, 2.0, 3.0]
    (plot,) = draw("residuals", FILE, main={"y_true": true, "y_pred": guessed})
    (trace,) = plot.traces
    assert (trace.x, trace.y) == ((1.5, 2.0, 3.0), (-0.5, 0.0, 1.0))
    error = math.sqrt(statistics.mean([0.25, 0.0, 1.0]))
    assert trace.label == f"RMSE {error:.6g}"
    assert (plot.guide, plot.y_label) == ("zero", "y_true − y_pred")


def test_a_column_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(ValueError, match="no column lo; its columns are: step, loss"):
        draw("line", of(y=("lo",)), main={"step": [1], "loss": [1]})
    with pytest.raises(ValueError, match="no column e; its columns are: loss"):
        draw("line", of(x="e"), main={"loss": [1]})
    with pytest.raises(ValueError, match="say x and y, its columns are: a, b"):
        draw("roc", FILE, main={"a": [1], "b": [1]})


def test_what_is_the_same_in_all_says_so() -> None:
    columns = {"y": [1, math.nan, "x", 2]}
    assert draw("line", of(y=("y",)), main=columns, feat=columns)[0].same
    assert not draw("line", of(y=("y",)), main=columns, feat={"y": [1, 2, "x", 2]})[0].same
    assert not draw("line", of(y=("y",)), main=columns)[0].same


def test_names_are_made_visible() -> None:
    (plot,) = draw("line", of(y=("a\x1b[2J",), title="\u202eb"), **{"\x07m": {"a\x1b[2J": [1]}})
    assert plot.title == "\\u202eb"
    assert plot.y_label == plot.traces[0].label == "a\\x1b[2J"
