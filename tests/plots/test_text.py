from __future__ import annotations

from jupyter_mlops.config import PlotConfig
from jupyter_mlops.plots.drawing import DrawnPlot, PlotImage, PlotSide
from jupyter_mlops.plots.text import render_text
from tests.plots.conftest import draw

SIDES = (PlotSide("main", "main", None), PlotSide("feat", "feat", None))
FILE = PlotConfig(file="a.csv", x="x", y=("y",))


def text(*plots: DrawnPlot) -> list[str]:
    return render_text(SIDES, plots).split("\n")


def test_lines_of_two_revisions_have_markers_of_their_own() -> None:
    lines = text(
        *draw("line", FILE, main={"x": [0, 10], "y": [0, 1]}, feat={"x": [0, 10], "y": [1, 0]})
    )
    assert lines[0:2] == ["plots/a.csv", "  ● main  ■ feat"]
    assert lines[2].startswith("  1 ┤■") and lines[2].endswith("●")
    assert lines[12].startswith("  0 ┤●") and lines[12].endswith("■")
    assert lines[13].split() == ["0", "x", "10"]
    assert max(map(len, lines)) <= 80


def test_a_spike_shows_in_a_line_of_many_points() -> None:
    ys = [0.0] * 5000
    ys[2500] = 9.0
    lines = text(*draw("line", PlotConfig(y=("y",)), main={"y": ys}))
    assert lines[1].startswith("  9 ┤") and lines[1].rstrip().endswith("●")


def test_bars_and_matrices_and_images() -> None:
    (bars,) = draw("bar", FILE, main={"x": ["a", "b"], "y": [1, 2]})
    assert [line.split()[::2] for line in text(bars)[1:]] == [["a", "1"], ["b", "2"]]
    assert [line.count("█") for line in text(bars)[1:]] == [30, 61]
    pair = {"actual": ["a", "b"], "predicted": ["a", "a"]}
    better = {"actual": ["a", "b"], "predicted": ["a", "b"]}
    (matrix,) = draw("confusion", PlotConfig(), main=pair, feat=better)
    assert text(matrix)[-1].split() == ["b", "-1", "+1"]
    image = DrawnPlot(
        "i", "i.png", "image", "i.png", images=(PlotImage(1, "image/png", 3, 2, 99, b""),)
    )
    assert text(image)[1] == "  feat: PNG, 3 × 2, 99 B"


def test_nothing_to_draw_is_said() -> None:
    (plot,) = draw("line", FILE, main={"x": [None], "y": [1]})
    assert "  no numbers to draw" in text(plot)


def test_extremes_do_not_overflow() -> None:
    (plot,) = draw("line", FILE, main={"x": [-1.7e308, 1.7e308], "y": [1.7e308, -1.7e308]})
    assert text(plot)[1].lstrip().startswith("1.7e+308 ┤●")
