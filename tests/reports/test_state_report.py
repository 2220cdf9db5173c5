from __future__ import annotations

import math

import pytest

from jupyter_mlops.commands.report_page import render_state_page
from jupyter_mlops.explain.ranking import Difference
from jupyter_mlops.forge.fit import fit_parts
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.state_report import (
    MetricRow,
    Section,
    difference_sections,
    findings_section,
    gates_section,
    make_parts,
    metrics_section,
    render_sections,
    sparkline,
)


def _row(name: str, base: float | None, value: float | None, better: bool | None) -> MetricRow:
    delta = None if base is None or value is None else value - base
    return MetricRow(name, base, value, delta, better, history=(base, value))


def _sections() -> list[Section]:
    broken = Finding("gate-broken", "error", "acc is 0.8", "jupyter mlops gates", subject="acc")
    rows = [_row(f"m.json:m{n}", 0.5, 0.5 + n / 100, n % 2 == 0) for n in range(40)]
    differences = [
        Difference("parameter", f"p{n}", f"{n} → {n + 1}", 0.5, command="jupyter mlops params diff")
        for n in range(30)
    ]
    return [
        gates_section([broken], 2),
        metrics_section(rows, "base", "here"),
        findings_section([], ["a note"]),
        *difference_sections([*differences, Difference("environment", "numpy", "1 → 2", 1.0)]),
    ]


def _markdown(most_characters: int) -> str:
    parts = make_parts("mlops: main", "One gate is broken", _sections(), "All: `jupyter mlops`")
    return fit_parts(parts, most_characters).text


def test_what_moved_is_open_and_the_rest_is_folded() -> None:
    rows = [_row("m.json:same", 1, 1, None), _row("m.json:moved", 1, 2, True)]
    section = metrics_section(rows, "base", "here")
    assert section.summary == "1 better, 1 unchanged"
    page = render_state_page("report", "holds", [section])
    shown, folded = page.split("<details>")
    assert "moved" in shown and "same" not in shown
    assert "same" in folded


def test_a_metric_that_is_nan_in_both_has_not_moved() -> None:
    assert not _row("m", math.nan, math.nan, None).moved
    assert _row("m", None, math.nan, None).moved
    assert _row("m", 1, math.nan, False).moved


def test_a_report_gets_shorter_by_whole_rows_the_least_important_first() -> None:
    whole = _markdown(100_000)
    assert whole.count("| `p") == 30 and "numpy" in whole
    for most_characters in range(400, len(whole), 97):
        text = _markdown(most_characters)
        assert len(text) <= most_characters
        assert text.count("<details>") == text.count("</details>")
        tables = [line for line in text.splitlines() if line.startswith("|")]
        assert all(line.endswith("|") for line in tables)
    short = _markdown(2000)
    assert "numpy" not in short
    assert "acc is 0.8" in short


def test_a_gate_that_broke_is_named_whatever_the_room() -> None:
    assert "1 of 2 gates broken" in _markdown(700)


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ((), ""),
        ((None, math.nan), ""),
        ((1, 1), "▄▄"),
        ((0, 1), "▁█"),
        ((0, None, 7), "▁ █"),
        ((0.0, math.inf, 7), "▁ █"),
        (tuple(range(20)), "▁▁▂▂▃▃▄▄▅▅▆▆▇▇██"),
    ],
)
def test_the_last_values_are_bars(values: tuple[float | None, ...], drawn: str) -> None:
    assert sparkline(values) == drawn


def test_no_name_is_markup() -> None:
    name = "m.json:<img src=x onerror=alert(1)>|`\n## big"
    section = metrics_section([_row(name, 1, 2, None)], "base", "here")
    own = Section("own", "<script>", "", own=("<script>alert(1)</script>",))
    page = render_state_page("<b>", "<i>", [section, own])
    assert "<img" not in page and "<script" not in page and "<b>" not in page
    [_, part] = make_parts("<b>", "holds", [section], "")
    assert r"\<img" in part.forms[0] and "\n## big" not in part.forms[0]
    assert "\n## big" not in render_sections("x", "y", [section])
