"""How metrics came here, as diagrams and as images."""

from __future__ import annotations

import re

import pytest

from jupyter_mlops.commands.report_pictures import history_figures
from jupyter_mlops.document import Figure
from jupyter_mlops.reports.state_report import MetricRow


def figures(*history: float | None, name: str = "m.json:loss") -> tuple[Figure, ...]:
    """Return what is drawn of a metric with these values, the last of which moved."""
    row = MetricRow(name, history[-2], history[-1], 1.0, None, 0.5, history)
    return history_figures([row], "main", "live")


def test_numbers_are_written_as_mermaid_reads_them() -> None:
    [figure] = figures(0.00003, -2.0, None, 12345678.5)
    [diagram] = figure.diagrams
    assert "line [0.00003, -2, 12345678.5]" in diagram
    assert "line [0.5, 0.5, 0.5]" in diagram
    assert 'x-axis "results before this one" ["3", "2", "0"]' in diagram
    [(low, high)] = re.findall(r"y-axis (-?[0-9.]+) --> (-?[0-9.]+)", diagram)
    assert float(low) < -2 and float(high) > 12345678.5


@pytest.mark.parametrize("value", [1e-20, 1e20])
def test_numbers_that_mermaid_does_not_read_are_an_image(value: float) -> None:
    [figure] = figures(1.0, 2.0, value)
    assert figure.diagrams == ()
    assert [len(gallery.images) for gallery in figure.galleries()] == [1]


def test_two_results_are_no_history() -> None:
    assert figures(1.0, 2.0) == ()


def test_no_name_ends_the_title() -> None:
    [figure] = figures(1.0, 2.0, 3.0, name='m.json:a"]\n%%{init: {}}%%\nline [9]')
    [diagram] = figure.diagrams
    assert len(re.findall(r"(?m)^    title \"[^\"]*\"$", diagram)) == 1
    assert "%%" not in diagram and diagram.count("    line [") == 2
