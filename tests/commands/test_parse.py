from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.commands.parse import Invocation, nearest, parse_words
from jupyter_mlops.commands.python import format_words
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.errors import UsageError
from tests.support.sample_commands import SAMPLES


def parse(*words: str) -> Invocation:
    return parse_words(words, SAMPLES)


def refuse(*words: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        parse(*words)
    return caught.value


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ((), {}),
        (("a", "b"), {"paths": ("a", "b")}),
        (("-m", "two words", "a"), {"message": "two words", "paths": ("a",)}),
        (("a", "--message=x", "b"), {"message": "x", "paths": ("a", "b")}),
        (("-mx",), {"message": "x"}),
        (("-m", ""), {"message": ""}),
        (("-m", "-5 % loss"), {"message": "-5 % loss"}),
        (("--message=",), {"message": ""}),
        (("--limit", "3", "--share", "0.5"), {"limit": 3, "share": 0.5}),
        (("--share", "-1"), {"share": -1.0}),
        (("--tag", "x", "--tag=y"), {"tag": ("x", "y")}),
        (("--dry-run", "--no-links"), {"dry_run": True, "links": False}),
        (("-dl",), {"dry_run": True, "links": False}),
        (("-dm", "x"), {"dry_run": True, "message": "x"}),
        (("-dn3",), {"dry_run": True, "limit": 3}),
        (("--", "-m", "--json"), {"paths": ("-m", "--json")}),
        (("-",), {"paths": ("-",)}),
        (("./list",), {"paths": ("./list",)}),
    ],
)
def test_words_become_arguments(words: tuple[str, ...], arguments: dict[str, object]) -> None:
    invocation = parse("keep", *words)
    assert invocation.command is SAMPLES[0]
    assert invocation.arguments == arguments
    assert not invocation.wants_json


def test_the_command_with_the_most_words_is_meant() -> None:
    command = parse("keep", "list").command
    assert command is not None
    assert command.name == "keep list"


def test_positionals_are_placed_in_order() -> None:
    assert parse("rename", "a", "b").arguments == {"old": "a", "new": Path("b")}


def test_json_and_help_are_everywhere() -> None:
    assert parse("keep", "a", "--json").wants_json
    assert parse("keep", "--nonsense", "-h").wants_help
    assert parse("keep", "--help", "--json").wants_json
    assert parse().wants_help
    assert parse("--help").wants_help
    assert parse("things", "--help").group == ("things",)
    assert parse("--version").wants_version
    assert not parse("keep", "--", "--help").wants_help


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("kep",), "unknown-command", "There is no command 'kep'."),
        (("--json", "keep"), "unknown-command", "--json stands after the command."),
        (("--josn",), "unknown-command", "There is no option --josn."),
        (("things",), "unknown-command", "After 'things' comes one of remove, draw."),
        (("things", "x"), "unknown-command", "After 'things' comes one of remove, draw, not 'x'."),
        (("things", "--json"), "unknown-command", "After 'things' comes one of remove, draw."),
        (
            ("keep", "--mesage", "x"),
            "unknown-option",
            "'keep' has no option --mesage; did you mean --message?",
        ),
        (("keep", "--qqqqqqq"), "unknown-option", "'keep' has no option --qqqqqqq."),
        (("keep", "-x"), "unknown-option", "'keep' has no option -x."),
        (("keep", "-m"), "missing-value", "-m needs a value."),
        (("keep", "-m", "--json"), "missing-value", "-m needs a value."),
        (("keep", "--tag", "--how=fast"), "missing-value", "--tag needs a value."),
        (("keep", "--limit=x"), "bad-value", "--limit is 'x', but must be a whole number."),
        (("keep", "--dry-run=yes"), "bad-value", "--dry-run takes no value."),
        (("keep", "-n1", "-n2"), "repeated-option", "--limit is given twice."),
        (("say",), "missing-argument", "'say' needs TEXT."),
        (("things", "remove"), "missing-argument", "'things remove' needs NAME."),
        (("say", "a", "b"), "too-many-arguments", "'say' does not know what to do with 'b'."),
        (("keep", "\udcff"), "not-utf8", "'\\udcff' is not valid UTF-8 text."),
    ],
)
def test_wrong_words_are_refused_in_one_sentence(
    words: tuple[str, ...], code: str, message: str
) -> None:
    error = refuse(*words)
    assert (error.code, error.message) == (code, message)


def test_every_refusal_hints_at_something_to_type() -> None:
    assert refuse("kep").hints == ("jupyter mlops keep",)
    assert refuse("qqqqqqqq").hints == ("jupyter mlops --help",)
    assert refuse("things").hints == ("jupyter mlops things remove", "jupyter mlops things draw")
    assert refuse("keep", "-x").hints == ("jupyter mlops keep --help",)
    assert refuse("keep", "-n", "x").hints == ("jupyter mlops keep --help",)


def test_a_word_of_a_few_is_named_with_them() -> None:
    for words, message in (
        ((), "'completion' needs SHELL, one of bash, zsh."),
        (("fish",), "SHELL is 'fish', but must be one of bash, zsh."),
    ):
        with pytest.raises(UsageError) as raised:
            parse_words(("completion", *words), COMMANDS)
        assert raised.value.message == message


@pytest.mark.parametrize(
    ("word", "found"),
    [("sanpshot", "snapshot"), ("stauts", "status"), ("restor", "restore"), ("frobnicate", None)],
)
def test_slips_of_the_finger_are_recognised(word: str, found: str | None) -> None:
    assert nearest(word, dict.fromkeys(["snapshot", "status", "restore", "log"])) == found


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (("--snapshots",), {"snapshots": ()}),
        (("--snapshots", "a", "b"), {"snapshots": ("a", "b")}),
        (
            ("data", "--snapshots", "a", "--tags", "b"),
            {"paths": ("data", "b"), "snapshots": ("a",), "tags": True},
        ),
        (("--snapshots", "--", "data"), {"snapshots": (), "paths": ("data",)}),
        (("--snapshots=a", "data"), {"snapshots": ("a",), "paths": ("data",)}),
        (("--snapshots", "a", "--snapshots", "b"), {"snapshots": ("a", "b")}),
    ],
)
def test_an_option_that_may_stand_alone_takes_the_words_that_follow(
    words: tuple[str, ...], arguments: dict[str, object]
) -> None:
    invocation = parse_words(("push", *words), COMMANDS)
    assert invocation.arguments == arguments
    assert invocation.command is not None
    again = format_words(invocation.command, invocation.arguments)
    assert parse_words(again, COMMANDS).arguments == arguments
