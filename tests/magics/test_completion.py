from __future__ import annotations

import warnings

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from jupyter_mlops.magics.completion import split_partial


def lines_after_tab(shell: InteractiveShell, text: str) -> list[str]:
    """Return what the cell may become when Tab is pressed at its end."""
    shell.Completer.use_jedi = False
    with provisionalcompleter(), warnings.catch_warnings():
        found = list(shell.Completer.completions(text, len(text)))
    return [text[: one.start] + one.text + text[one.end :] for one in found]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("%mlops ke", ["%mlops keep"]),
        ("%mlops things ", ["%mlops things remove", "%mlops things draw"]),
        ("s = %mlops ke", ["s = %mlops keep"]),
        ("x = 1\ns = %mlops ke", ["x = 1\ns = %mlops keep"]),
        ("%mlops keep --how ", ["%mlops keep --how fast", "%mlops keep --how safe"]),
        ("%mlops keep --how=f", ["%mlops keep --how=fast"]),
        ("%mlops keep --dry", ["%mlops keep --dry-run"]),
        ("%mlops keep da", ["%mlops keep data/"]),
        ("%mlops keep data/tr", ["%mlops keep 'data/train one.csv'"]),
        ('%mlops keep "data/tr', ['%mlops keep "data/train one.csv"']),
        ("%mlops keep -m x da", ["%mlops keep -m x data/"]),
    ],
)
def test_words_of_magics_are_completed(
    shell: InteractiveShell, text: str, lines: list[str]
) -> None:
    assert lines_after_tab(shell, text) == lines


def test_other_lines_are_left_to_ipython(shell: InteractiveShell) -> None:
    shell.user_ns["keeper"] = 1
    assert "keeper" in lines_after_tab(shell, "keep")
    assert "%timeit keeper" in lines_after_tab(shell, "%timeit ke")
    assert "%timeit keep" not in lines_after_tab(shell, "%timeit ke")


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("", ([], "", "")),
        ("a b", (["a"], "b", "")),
        ("a b ", (["a", "b"], "", "")),
        ("-m 'two words' x", (["-m", "two words"], "x", "")),
        ("-m 'two wo", (["-m"], "two wo", "'")),
        (r"my\ da", ([], "my da", "")),
    ],
)
def test_the_unfinished_word_is_found(line: str, parts: tuple[list[str], str, str]) -> None:
    assert split_partial(line) == parts
