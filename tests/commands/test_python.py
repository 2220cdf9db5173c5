from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mlops.commands.python import format_words, function_names, make_function
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.errors import UsageError
from tests.support.project import Project
from tests.support.sample_commands import SAMPLES

KEEP, KEEP_LIST, SAY, RENAME, REMOVE, *_ = SAMPLES


@pytest.fixture
def inside(project: Project) -> Iterator[Project]:
    """A project that this process is in."""
    project.write("mlops.toml", "")
    before = Path.cwd()
    os.chdir(project.root)
    yield project
    os.chdir(before)


def test_positionals_stand_as_on_the_command_line(inside: Project) -> None:
    kept = make_function(KEEP)("a", Path("b"), message="x", tag=["y"], share=1)
    assert kept.paths == ("a", "b")
    assert (kept.message, kept.tags, kept.share) == ("x", ("y",), 1.0)
    assert kept.command == ("keep", "--message=x", "--share=1.0", "--tag=y", "a", "b")
    assert kept.cells == ()


def test_a_function_has_its_own_signature_and_documentation() -> None:
    function = make_function(KEEP)
    assert function.__name__ == "keep"
    assert (function.__doc__ or "").startswith("Keep some files.")
    shown = inspect.signature(function).parameters
    assert shown["paths"].kind is inspect.Parameter.VAR_POSITIONAL
    assert shown["limit"].default == 10
    assert make_function(KEEP_LIST).__name__ == "keep_list"


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((1,), {}),
        ((), {"surprise": 1}),
        ((), {"limit": "3"}),
        ((), {"how": "slow"}),
        ((), {"tag": 3}),
    ],
)
def test_a_wrong_call_is_a_usage_error(
    inside: Project, args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        make_function(KEEP)(*args, **kwargs)


def test_what_is_required_must_be_given() -> None:
    for function in (make_function(REMOVE), make_function(SAY)):
        with pytest.raises(UsageError):
            function()


def test_words_are_those_that_would_be_typed() -> None:
    assert format_words(KEEP, {"paths": ("-x",), "dry_run": True, "links": False}) == (
        "keep",
        "--dry-run",
        "--no-links",
        "--",
        "-x",
    )


def test_python_names_are_unique_and_do_not_hide_tracking() -> None:
    names = function_names()
    assert len(set(names)) == len(names)
    assert not {"log", "log_metric", "log_params", "run"}.intersection(names)
    assert all(name.isidentifier() for name in names)
    assert len(names) == len([command for command in COMMANDS if not command.hidden])
