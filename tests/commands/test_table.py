from __future__ import annotations

import keyword
import re

import pytest

from jupyter_mlops.commands.schema import parameters_schema, result_schema
from jupyter_mlops.commands.signature import read_signature
from jupyter_mlops.commands.spec import Command, Result
from jupyter_mlops.commands.table import COMMANDS, MAGICS

IPYTHON_MAGICS = frozenset({"run", "config", "history", "save", "load", "ls", "store", "edit"})


def test_words_are_unique_and_magics_are_free() -> None:
    words = [command.words for command in COMMANDS]
    assert len(set(words)) == len(words)
    assert MAGICS == ("snapshot", "restore", "push", "pull", "fetch", "metrics", "strip")
    assert not IPYTHON_MAGICS.intersection(MAGICS)


def test_summaries_are_one_sentence() -> None:
    for command in COMMANDS:
        assert re.fullmatch(r"[A-Z][^.]*\.", command.summary), command.name
        assert len(command.summary) <= 80


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_keeps_to_the_rules(command: Command) -> None:
    signature = read_signature(command)
    name = "_".join(command.words).replace("-", "_")
    if keyword.iskeyword(name):
        name = command.python_name
    assert signature.function.__name__ == name
    assert signature.summary == command.summary
    assert all(re.search(r"[.?]$", p.arg.help) for p in signature.parameters)
    assert parameters_schema(command)["type"] == "object"
    assert result_schema(command)
    if signature.result is not None:
        assert issubclass(signature.result, Result)
