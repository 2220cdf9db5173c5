from __future__ import annotations

from jupyter_mlops.commands.reference import REFERENCE_PATH, render_reference
from tests.support.sample_commands import SAMPLES


def test_the_reference_tells_every_command() -> None:
    text = render_reference(SAMPLES)
    for command in SAMPLES:
        assert f"\n## {command.name}\n" in text
    assert "| `-m, --message TEXT` | Why. |" in text
    assert "`--how fast\\|safe`" in text
    assert "jupyter_mlops.keep(*paths, message=…" in text


def test_the_committed_reference_is_fresh() -> None:
    assert REFERENCE_PATH.read_text("utf-8") == render_reference(), (
        "docs/commands.md is stale: python -m jupyter_mlops.commands.reference"
    )
