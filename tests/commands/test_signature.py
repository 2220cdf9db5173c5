from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import pytest

from jupyter_mlops.commands.signature import REQUIRED, Signature, read_signature
from jupyter_mlops.commands.spec import Arg, Command
from jupyter_mlops.commands.workspace import Here
from jupyter_mlops.errors import UsageError
from tests.support.sample_commands import SAMPLES, Kept


def sample(name: str) -> Signature:
    return read_signature(next(command for command in SAMPLES if command.name == name))


def test_a_signature_tells_every_parameter() -> None:
    keep = sample("keep")
    assert keep.takes_workspace
    assert keep.result is Kept
    assert keep.summary == "Keep some files."
    assert keep.details == ("They are kept for as long as you like.", "    jupyter mlops keep data")
    assert [p.name for p in keep.positionals] == ["paths"]
    told = {p.name: (p.option, p.base, p.many, p.choices, p.is_flag) for p in keep.options}
    assert told == {
        "message": ("--message", str, False, (), False),
        "limit": ("--limit", int, False, (), False),
        "share": ("--share", float, False, (), False),
        "tag": ("--tag", str, True, (), False),
        "how": ("--how", str, False, ("fast", "safe"), False),
        "dry_run": ("--dry-run", bool, False, (), True),
        "links": ("--no-links", bool, False, (), True),
    }


def test_a_parameter_without_a_default_is_required() -> None:
    old, new = sample("rename").positionals
    assert (old.required, old.default, old.base) == (True, REQUIRED, str)
    assert (new.required, new.base) == (True, Path)
    assert not sample("rename").takes_workspace


def test_options_are_found_by_either_form() -> None:
    keep = sample("keep")
    for word in ("-m", "--message"):
        option = keep.find_option(word)
        assert option is not None
        assert option.name == "message"
    assert keep.find_option("--mess") is None


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--limit", "ten", "--limit is 'ten', but must be a whole number."),
        ("--share", "much", "--share is 'much', but must be a number."),
        ("--how", "slow", "--how is 'slow', but must be one of fast, safe."),
    ],
)
def test_a_word_that_is_no_value_is_refused(option: str, text: str, message: str) -> None:
    parameter = sample("keep").find_option(option)
    assert parameter is not None
    with pytest.raises(UsageError) as caught:
        parameter.convert(text)
    assert caught.value.message == message


def no_handles(words: Annotated[str, Arg("x")]) -> None: ...


def no_arg(here: Here, words: str) -> None: ...


def odd_type(here: Here, words: Annotated[dict[str, str], Arg("x")]) -> None: ...


def many_first(
    here: Here, first: Annotated[tuple[str, ...], Arg("x")], last: Annotated[str, Arg("x")]
) -> None: ...


def gap(
    here: Here, *, _: Annotated[str, Arg("x")] = "", json: Annotated[bool, Arg("x")] = False
) -> None: ...


def same_letter(
    here: Here,
    *,
    one: Annotated[bool, Arg("x", short="-o")] = False,
    other: Annotated[bool, Arg("x", short="-o")] = False,
) -> None: ...


def positional_flag(here: Here, flag: Annotated[bool, Arg("x")] = False) -> None: ...


@pytest.mark.parametrize(
    "function", [no_handles, no_arg, odd_type, many_first, gap, same_letter, positional_flag]
)
def test_a_function_that_breaks_the_rules_is_no_command(function: Callable[..., Any]) -> None:
    module = ModuleType("broken_command")
    setattr(module, function.__name__, function)
    sys.modules["broken_command"] = module
    try:
        with pytest.raises(TypeError):
            read_signature(Command(("x",), f"broken_command:{function.__name__}", "x"))
    finally:
        del sys.modules["broken_command"]
