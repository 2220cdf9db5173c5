from __future__ import annotations

import re

import yaml

from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.reports.rules import RULES
from tests.architecture.sources import PACKAGE, ROOT


def test_every_rule_is_documented_with_its_severity_and_no_other() -> None:
    table = (ROOT / "docs/checks.md").read_text("utf-8").partition("## Rules")[2]
    rows = re.findall(r"^\| (`[a-z`, -]+`) \| (error|warning) \|", table, re.MULTILINE)
    documented = {name: word for names, word in rows for name in re.findall(r"`([^`]+)`", names)}
    assert documented == {rule.id: rule.severity for rule in RULES}


def test_every_rule_can_be_found() -> None:
    folders = (PACKAGE / "reports", PACKAGE / "commands")
    sources = [path for folder in folders for path in folder.glob("*.py")]
    text = "".join(path.read_text("utf-8") for path in sources if path.name != "rules.py")
    assert [rule.id for rule in RULES if f'"{rule.id}"' not in text] == []


def test_hooks_of_pre_commit_are_commands() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert [hook["id"] for hook in hooks] == ["mlops-check-notebooks", "mlops-strip"]
    for hook in hooks:
        program, *words = hook["entry"].split()
        assert program == "jupyter-mlops"
        assert parse_words([*words, "a.ipynb"], COMMANDS).command is not None
        assert hook["types"] == ["jupyter"]
