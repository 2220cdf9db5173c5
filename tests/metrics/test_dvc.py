from __future__ import annotations

import pytest

from jupyter_mlops.metrics.dvc import (
    DvcFiles,
    DvcPlot,
    literal_paths,
    match_named,
    read_dvc_yaml,
)

WHOLE = b"""
vars: [{item: 1}]
params: [config/extra.yaml]
metrics:
- dvclive/metrics.json
plots:
- dvclive/plots/metrics: {x: step}
- Both curves:
    x: step
    y: {train.csv: loss, test.csv: [loss, acc]}
    title: Loss
    template: linear
stages:
  train:
    cmd: python train.py
    wdir: src
    params: [lr, model.depth, {other.toml: [a]}]
    metrics: [scores.json, {../top.json: {cache: false}}]
    plots:
    - curve.csv: {x: step, y: loss, cache: false}
    - images
  each:
    foreach: ${parts}
    do:
      cmd: python evaluate.py ${item}
      metrics: ['eval/${item}.yaml': {cache: false}]
"""


def test_all_that_a_file_names_is_found() -> None:
    assert read_dvc_yaml(WHOLE) == DvcFiles(
        metrics=("dvclive/metrics.json", "src/scores.json", "top.json", "eval/*.yaml"),
        params=("config/extra.yaml", "src/params.yaml", "src/other.toml"),
        plots=(
            DvcPlot("dvclive/plots/metrics", "step"),
            DvcPlot("train.csv", "step", ("loss",), "Loss", "linear"),
            DvcPlot("test.csv", "step", ("loss", "acc"), "Loss", "linear"),
            DvcPlot("src/curve.csv", "step", ("loss",)),
            DvcPlot("src/images"),
        ),
    )


def test_names_are_those_from_the_folder_of_the_file() -> None:
    found = read_dvc_yaml(b"metrics: [m.json, ../other.json]", "models/tree")
    assert found.metrics == ("models/tree/m.json", "models/other.json")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../../x.json",
        "..",
        ".",
        ".git/config",
        "a\\0b",
        "a\\nb",
        "x" * 2000,
    ],
)
def test_what_can_be_no_file_of_the_project_is_passed_over(name: str) -> None:
    assert read_dvc_yaml(f'metrics: ["{name}", good.json]'.encode()).metrics == ("good.json",)


def test_a_name_is_no_pattern_but_for_its_expressions() -> None:
    (pattern,) = read_dvc_yaml(rb"metrics: ['a[1]*/${x}-\b.json']").metrics
    matches = match_named([pattern])
    assert matches("a[1]*/north-\\b.json")
    assert not matches("a1x/north-\\b.json")
    assert not matches("a[1]*/x/north-\\b.json")
    assert literal_paths([pattern, r"b\[1].json"]) == ["b[1].json"]


def test_what_lies_below_a_named_folder_is_named() -> None:
    matches = match_named(["results"])
    assert matches("results/deep/m.json")
    assert not matches("results.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"stages: 3",
        b"stages: {a: 1, b: {metrics: 3, params: [1, [2]], plots: [{x: [{}]}, 3]}}",
        b"metrics: [1, null, {2: 3}]",
        b"plots: [{a: {y: {1: 2}}}]",
        b"plots: {a: 1}",
    ],
)
def test_what_is_of_another_form_names_nothing(content: bytes) -> None:
    found = read_dvc_yaml(content)
    assert (found.metrics, found.params) == ((), ())


@pytest.mark.parametrize("content", [b"- a", b"a: [", b"\xff", b"&a [*a]", b"[" * 5000])
def test_what_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="it is"):
        read_dvc_yaml(content)
