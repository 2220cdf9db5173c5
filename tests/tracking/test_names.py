from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.formats.names import check_name
from jupyter_mlops.tracking.names import clean_run_name, infer_run_name


@pytest.mark.parametrize(
    ("environ", "main", "argv", "name"),
    [
        (
            {"JPY_SESSION_NAME": "/home/ada/Churn model.ipynb"},
            {"get_ipython": 1},
            [],
            "Churn model",
        ),
        ({"JPY_SESSION_NAME": ""}, {"get_ipython": 1}, ["ipykernel_launcher.py"], "run"),
        ({}, {"__vsc_ipynb_file__": r"C:\models\train.ipynb", "get_ipython": 1}, [], "train"),
        ({}, {"__file__": "/home/ada/train.py"}, ["train.py"], "train"),
        ({}, {"__file__": "/home/ada/my.model.py"}, [], "my.model"),
        ({}, {"__file__": "/home/ada/trainer/__main__.py"}, [], "trainer"),
        ({}, {}, ["-c"], "run"),
        ({}, {}, [], "run"),
        ({}, {}, [""], "run"),
    ],
)
def test_the_notebook_or_script_gives_the_name(
    environ: dict[str, str], main: dict[str, object], argv: list[str], name: str
) -> None:
    assert infer_run_name(environ, main, argv) == name


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("gbm/deep", "gbm-deep"),
        ("../../etc", "etc"),
        (".hidden", "hidden"),
        ("a\nb", "a-b"),
        ("modèle 2", "modèle 2"),
        ("...", "run"),
        ("x" * 300, "x" * 100),
        ("数" * 100, "数" * 66),
        ("a\x9bb", "a-b"),
        (".GIT", "run"),
    ],
)
def test_names_fit_a_file(given_name: str, name: str) -> None:
    assert clean_run_name(given_name) == name


@given(st.text())
def test_every_name_becomes_one_part_of_a_path(text: str) -> None:
    name = clean_run_name(text)
    assert name
    assert not {"/", "\\", "\0"} & set(name)
    assert not name.startswith(".")
    check_name(name)
    check_name(f"{name}.json")
