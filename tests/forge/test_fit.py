"""Bodies that fit, whatever they are made of: nothing is ever cut in the middle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.forge.fit import Part, fit_parts, split_markdown

_ELSEWHERE = "[All of it](https://example.org/run)."

_PARTS = st.lists(
    st.builds(
        lambda sizes, priority, i: Part(
            tuple(chr(97 + i) * size for size in sorted(sizes, reverse=True)), priority
        ),
        st.lists(st.integers(1, 400), min_size=1, max_size=4),
        st.integers(-3, 3),
        st.integers(0, 20),
    ),
    max_size=12,
)


def test_what_fits_stays_as_it_is() -> None:
    parts = [Part(("# Report\n",)), Part(("table", "short"), priority=-1)]
    fitted = fit_parts(parts, 100, elsewhere=_ELSEWHERE)
    assert (fitted.text, fitted.shortened, fitted.left_out) == ("# Report\n\ntable", 0, 0)


def test_least_important_is_shortened_first_and_the_rest_is_linked() -> None:
    parts = [
        Part(("gates " * 10,), priority=9),
        Part(("plots " * 100, "<details>" + "plots " * 60 + "</details>", "[plots](url)"), 1),
        Part(("metrics " * 20, "[metrics](url)"), priority=5),
    ]
    fitted = fit_parts(parts, 400, elsewhere=_ELSEWHERE)
    assert fitted.text == "\n\n".join(["gates " * 10, "[plots](url)", "metrics " * 20, _ELSEWHERE])
    assert (fitted.shortened, fitted.left_out) == (1, 0)


@given(_PARTS, st.integers(0, 1500))
def test_never_longer_and_never_cut(parts: list[Part], limit: int) -> None:
    fitted = fit_parts(parts, limit, elsewhere=_ELSEWHERE)
    whole = "\n\n".join(part.forms[0] for part in parts)
    if len(whole) + 2 <= limit:
        assert fitted.text == whole
    blocks = [block for block in fitted.text.split("\n\n") if block]
    if fitted.shortened or fitted.left_out:
        assert blocks.pop().endswith(_ELSEWHERE)
    assert len(fitted.text) <= max(limit, len(_ELSEWHERE) + 40)
    forms = iter(parts)
    for block in blocks:  # in order, each one of a part's own forms
        assert any(block in part.forms for part in forms)


def test_a_report_of_three_megabytes_with_two_hundred_pictures() -> None:
    parts = [Part(("**gate broken**",), priority=100)]
    parts += [Part((f"![{i}](u)" + "x" * 15_000, f"[{i}](u)"), priority=-i) for i in range(200)]
    fitted = fit_parts(parts, 32_000, elsewhere=_ELSEWHERE)
    assert len(fitted.text) <= 32_000
    assert fitted.text.startswith("**gate broken**\n\n![0](u)x")
    assert fitted.text.count("(u)") == 200
    assert fitted.shortened > 195


def test_markdown_is_split_at_headings_but_not_within_code() -> None:
    text = "lead\n\n# One\n\n```sh\n# no heading\n```\n\n## Two\n### Two and a half\nrest\n"
    parts = split_markdown(text)
    assert [part.forms[0].split("\n")[0] for part in parts] == ["lead", "# One", "## Two"]
    assert fit_parts(parts, 10_000).text.replace("\n", "") == text.replace("\n", "")
    short = fit_parts(split_markdown("# One\n\na\n\n# Two\n\n" + "b" * 900), 200)
    assert short.text.startswith("# One\n\na\n\n# Two\n\n*")
    assert "bbb" not in short.text


@pytest.mark.parametrize("limit", [0, 1, 40])
def test_no_room_at_all_leaves_the_link(limit: int) -> None:
    fitted = fit_parts([Part(("text " * 50,))], limit, elsewhere=_ELSEWHERE)
    assert fitted.text == f"*1 more part would not fit here.* {_ELSEWHERE}"
