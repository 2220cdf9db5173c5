from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.commands.reference import REFERENCE_PATH, render_reference
from jupyter_mlops.commands.stub import STUB_PATH, render_stub
from jupyter_mlops.commands.typescript import TYPES_PATH, render_types
from tests.support.sample_commands import SAMPLES


def test_the_reference_tells_every_command() -> None:
    text = render_reference(SAMPLES)
    for command in SAMPLES:
        assert f"\n## {command.name}\n" in text
    assert "| `-m, --message TEXT` | Why. |" in text
    assert "`--how fast\\|safe`" in text
    assert "jupyter_mlops.keep(*paths, message=…" in text


def test_the_stub_has_the_types_of_every_function() -> None:
    text = render_stub(SAMPLES)
    assert "from tests.support.sample_commands import Drawn, Kept, Said\n" in text
    assert "def rename(old: str | PathLike[str], new: str | PathLike[str]) -> Said: ...\n" in text
    assert "    *paths: str | PathLike[str],\n    message: str | None = ...,\n" in text
    assert '    how: Literal["fast", "safe"] = ...,\n' in text
    assert "def keep_list() -> Said: ...\n" in text


def test_the_types_are_those_of_rest() -> None:
    text = render_types(SAMPLES)
    assert "export interface Kept {\n  id: string;\n  paths: string[];\n" in text
    assert "  message: string | null;\n  limit: number;\n  share: number | null;\n" in text
    assert "export interface Said {\n  text: string;\n  values: Record<string, number>;\n" in text
    assert (
        "  keep: {\n    method: 'POST';\n    parameters: {\n      paths?: string[];\n"
        "      message?: string | null;\n"
    ) in text
    assert "      how?: 'fast' | 'safe';\n      dry_run?: boolean;\n" in text
    assert (
        "  'keep/list': {\n    method: 'POST';\n    parameters: Record<string, never>;\n"
        "    result: Said;\n  };\n"
    ) in text
    assert "    parameters: {\n      old: string;\n      new: string;\n    };\n" in text


@pytest.mark.parametrize(
    ("path", "render"),
    [(REFERENCE_PATH, render_reference), (STUB_PATH, render_stub), (TYPES_PATH, render_types)],
)
def test_what_is_committed_is_fresh(path: Path, render: Callable[[], str]) -> None:
    assert path.read_text("utf-8") == render(), (
        f"{path} is stale: python -m jupyter_mlops.commands.reference"
    )
