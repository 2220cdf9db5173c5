from __future__ import annotations

import pytest

from jupyter_mlops.commands.help import explain_all, explain_words, format_usage
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import NotFoundError
from tests.support.sample_commands import SAMPLES


def test_usage_is_the_grammar_in_one_line() -> None:
    usages = {command.name: format_usage(command) for command in SAMPLES}
    assert usages["keep"] == (
        "jupyter mlops keep [PATH…] [-m TEXT] [-n N] [--share SHARE] [--tag TAG]…"
        " [--how fast|safe] [-d] [-l]"
    )
    assert usages["rename"] == "jupyter mlops rename OLD NEW"
    assert usages["things remove"] == "jupyter mlops things remove NAME…"
    assert usages["keep list"] == "jupyter mlops keep list"


def test_a_grammar_of_its_own_is_shown_as_it_is() -> None:
    command = Command(("free",), "tests.support.sample_commands:free", "Take words as they come.")
    assert format_usage(command) == "jupyter mlops free [REVISION] [PATH…]"


def test_help_on_a_command_tells_all_that_can_be_typed() -> None:
    told = render_text(explain_words(("keep",), SAMPLES).describe())
    for expected in (
        "Keep some files.",
        "They are kept for as long as you like.",
        "keep list",
        "-m, --message TEXT  Why.",
        "-l, --no-links",
        "--json",
        "-h, --help",
    ):
        assert expected in told
    assert "Raises" not in told


def test_the_list_of_commands_leaves_out_hidden_ones() -> None:
    assert [line.words for line in explain_all(SAMPLES).commands] == [c.name for c in SAMPLES]


def test_a_group_lists_its_commands() -> None:
    group = explain_words(("things",), SAMPLES)
    assert [line.words for line in group.commands] == ["things remove", "things draw"]


def test_an_unknown_command_is_not_found() -> None:
    with pytest.raises(NotFoundError) as caught:
        explain_words(("keeep",), SAMPLES)
    assert caught.value.hints == ("jupyter mlops help keep",)
    with pytest.raises(NotFoundError) as caught:
        explain_words(("thinsg",), SAMPLES)
    assert caught.value.hints == ("jupyter mlops help things",)
