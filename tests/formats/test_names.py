from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.formats.names import check_name, check_names, check_path
from tests.formats.samples import listings
from tests.support import second_reader


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "data/train.csv",
        "with space/naïve.csv",
        "-dash",
        ".hidden/.x",
        ".gitignore",
        "git/.github/x",
        "a'b\"c",
        "数据/テスト",
        "x" * 255,
        "/".join(["x" * 255] * 15 + ["x" * 255]),
        "trailing.",
        "line\u2028separator",
        "CON",
        "git~2",
        "C/x",
    ],
)
def test_ordinary_paths_pass(path: str) -> None:
    check_path(path)
    second_reader.need_path(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "it is empty"),
        ("/etc/passwd", "it is absolute"),
        ("C:/x", "it begins with a drive"),
        ("c:x", "it begins with a drive"),
        ("a\\b", "it holds a backslash"),
        ("a\0b", "it holds the control character '\\x00'"),
        ("a\nb", "it holds the control character '\\n'"),
        ("a\x7f", "it holds the control character '\\x7f'"),
        ("a\x9b31m", "it holds the control character '\\x9b'"),
        (".", "it holds '.'"),
        ("..", "it holds '..'"),
        ("a/../b", "it holds '..'"),
        ("a/./b", "it holds '.'"),
        ("a//b", "it holds an empty part"),
        ("a/", "it holds an empty part"),
        (".git", "it holds '.git', which belongs to Git"),
        ("a/.GIT/hooks/post-checkout", "it holds '.GIT', which belongs to Git"),
        (".git ", "it holds '.git ', which belongs to Git"),
        (".git.", "it holds '.git.', which belongs to Git"),
        (".git. .", "it holds '.git. .', which belongs to Git"),
        (".git::$INDEX_ALLOCATION/x", "it holds '.git::$INDEX_ALLOCATION', which belongs to Git"),
        ("GIT~1/x", "it holds 'GIT~1', which belongs to Git"),
        (".g\u200cit/x", "it holds '.g\\u200cit', which belongs to Git"),
        ("x" * 256, "it holds a part longer than 255 bytes"),
        ("é" * 128, "it holds a part longer than 255 bytes"),
        ("x/" * 2048 + "x", "it is longer than 4096 bytes"),
        ("a\udcff", "it is not valid Unicode"),
    ],
)
def test_paths_that_could_escape_are_refused_with_the_reason(path: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_path(path)
    assert str(caught.value) == reason
    with pytest.raises(second_reader.NotValid):
        second_reader.need_path(path)


def test_a_name_is_one_part() -> None:
    check_name("a b.csv")
    for name in ("a/b", "", "..", ".git", "a\nb"):
        with pytest.raises(ValueError):
            check_name(name)


@given(st.text(st.sampled_from("aG.gitTI~1 :/\\\u200c\0C"), max_size=9))
def test_both_readers_agree_on_every_path(path: str) -> None:
    assert _passes(path) == _passes_second(path)


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (["a", "a"], "'a' stands there twice"),
        (["a", "A"], "'a' and 'A' are one name on many systems"),
        (["\xe9", "e\u0301"], "'\xe9' and 'e\u0301' are one name on many systems"),
        (["straße", "STRASSE"], "'straße' and 'STRASSE' are one name on many systems"),
        (["A/x", "a/y"], "'A' and 'a' are one name on many systems"),
        (["a", "a/b"], "'a' cannot stand beside 'a/b': one needs a folder of that name"),
        (["b/c/d", "B/C"], "'B' and 'b' are one name on many systems"),
        (["b/c/d", "b/C"], "'b/C' cannot stand beside 'b/c/d': one needs a folder of that name"),
    ],
)
def test_names_that_would_meet_on_some_system_are_refused(paths: list[str], reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_names(paths)
    assert str(caught.value) == reason
    with pytest.raises(second_reader.NotValid):
        second_reader.need_set(paths)


def test_names_side_by_side_pass() -> None:
    check_names([])
    check_names(["a", "a.b", "a-b/c", "ab", "b/a", "b/b/a", "c/a"])


@given(listings)
def test_names_that_pass_here_pass_in_the_second_reader(entries: dict[str, object]) -> None:
    second_reader.need_set(entries.keys())


@given(st.lists(st.text("aAéß/", min_size=1, max_size=4), max_size=5))
def test_both_readers_agree_on_every_set(paths: list[str]) -> None:
    paths = [path for path in paths if _passes(path)]
    try:
        check_names(paths)
        passes = True
    except ValueError:
        passes = False
    try:
        second_reader.need_set(paths)
        passes_second = True
    except second_reader.NotValid:
        passes_second = False
    assert passes == passes_second


def _passes(path: str) -> bool:
    try:
        check_path(path)
    except ValueError:
        return False
    return True


def _passes_second(path: str) -> bool:
    try:
        second_reader.need_path(path)
    except second_reader.NotValid:
        return False
    return True
