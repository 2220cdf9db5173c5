from __future__ import annotations

from dataclasses import replace

from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.kept import KeepRules, LeftOut, Selected, select_kept
from jupyter_mlops.notebooks.outputs import attach_outputs
from jupyter_mlops.notebooks.strip import StripSettings, resolve_settings, strip
from tests.notebooks.conftest import code, notebook_bytes
from tests.notebooks.test_secrets import AWS, stream

DEFAULT = StripSettings()
RULES = KeepRules(limit_bytes=1000)


def select(
    notebook: bytes, rules: KeepRules = RULES, settings: StripSettings = DEFAULT
) -> tuple[Selected, bytes]:
    """Return what is kept of the notebook, and the notebook that comes back."""
    stripped = strip(notebook, settings)
    assert stripped.removed is not None
    selected = select_kept(stripped.notebook, stripped.removed, rules, len(notebook))
    return selected, attach_outputs(stripped.notebook, selected.removed)


def test_one_output_is_left_out_and_the_others_are_kept() -> None:
    outputs = [stream("first\n"), stream(f"key {AWS}\n"), stream("b" * 2000), stream("last\n")]
    cells = [code("x = 1"), code("show()", id="second", outputs=outputs)]
    selected, back = select(notebook_bytes(cells))
    place = CellPlace(1, "second")
    big, secret = selected.left_out
    assert (big.cell, big.secrets, big.size_bytes > 2000) == (place, (), True)
    assert secret == LeftOut(place, ("AWS Access Key",), 0)
    for text in (b"first", b"last", b'"execution_count": 3', b"one"):
        assert text in back
    for text in (AWS.encode(), b"bbb"):
        assert text not in back


def test_what_is_within_the_rules_is_kept_as_it_is() -> None:
    notebook = notebook_bytes([code("x = 1")])
    selected, back = select(notebook)
    assert selected.left_out == ()
    assert back == notebook


def test_secrets_are_kept_where_somebody_allows_them() -> None:
    cell = code("x", outputs=[stream(AWS)])
    tagged = notebook_bytes([{**cell, "metadata": {"tags": ["allow_secrets"]}}, code("y")])
    assert select(tagged)[0].left_out == ()
    plain = notebook_bytes([cell])
    assert select(plain, replace(RULES, allow_secrets=True))[0].left_out == ()
    assert len(select(plain)[0].left_out) == 1


def test_a_tag_allows_its_own_cell_only() -> None:
    tagged = code("x", outputs=[stream(AWS)], metadata={"tags": ["allow_secrets"]})
    selected, _ = select(notebook_bytes([tagged, code("y", outputs=[stream(AWS)])]))
    assert [one.cell.index for one in selected.left_out if one.cell] == [1]


def test_the_state_of_widgets_is_looked_at_too() -> None:
    state = {"state": {"a": {"state": {"value": AWS}}}}
    selected, back = select(notebook_bytes([code("x")], widgets=state))
    assert selected.left_out == (LeftOut(None, ("AWS Access Key",), 0),)
    assert AWS.encode() not in back
    assert b"one" in back


def test_a_cell_that_is_dropped_comes_back_whatever_the_others_show() -> None:
    allowed, scratch = ({"tags": [tag]} for tag in ("allow_secrets", "scratch"))
    outputs = [stream("first\n" * 300_000), stream(AWS)]
    cells = [
        code("scratch = 1", metadata=scratch),
        code("x", id="x", outputs=outputs),
        code("y", outputs=[stream(f"allowed {AWS}")], metadata=allowed),
    ]
    dropping = resolve_settings(command="nbstripout --drop-tagged-cells scratch")
    selected, back = select(notebook_bytes(cells), KeepRules(), dropping)
    assert selected.left_out == (LeftOut(CellPlace(1, "x"), ("AWS Access Key",), 0),)
    assert b"scratch = 1" in back
    assert b"first" in back
    assert back.count(AWS.encode()) == 1
