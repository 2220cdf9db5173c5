from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.report import Report, encode_report, format_report
from jupyter_mlops.text import visible

OWN = Finding("cell-failed", "error", "cell 2 raised E.", "jupyter lab", "a", CellPlace(1, "x"))
SHARED = Finding("gate-broken", "error", "m is 1.", "see", subject="m", value=1.0, limit=2.0)


def test_nothing_found_is_one_line() -> None:
    assert format_report(Report("a.ipynb", executed=False)) == "a.ipynb: no findings\n"


def test_rules_and_fixes_stand_in_columns() -> None:
    longer = Finding("outputs-in-git", "error", "cell 1 carries outputs.", "git add a", "a.ipynb")
    report = Report("a.ipynb", executed=False, findings=(OWN, longer, SHARED), notes=("Look.",))
    assert format_report(report) == (
        "a.ipynb: 2 findings\n"
        "  cell-failed     cell 2 raised E.\n"
        "                  → jupyter lab\n"
        "  outputs-in-git  cell 1 carries outputs.\n"
        "                  → git add a\n"
        "project: 1 finding\n"
        "  gate-broken  m is 1.\n"
        "               → see\n"
        "note: Look.\n"
    )


def test_sentences_are_wrapped_and_commands_are_not() -> None:
    found = Finding("r", "error", "word " * 60, "command " * 40, "a")
    *lines, command = format_report(Report("a", executed=False, findings=(found,))).splitlines()
    assert all(len(line) <= 100 for line in lines)
    assert command.strip() == "→ " + ("command " * 40).strip()


@given(st.text(), st.text(), st.text())
def test_nothing_steers_a_terminal(name: str, why: str, note: str) -> None:
    found = Finding("r", "error", why, name, name)
    shown = format_report(Report(name, executed=False, findings=(found,), notes=(note,)))
    assert visible(shown, keep_lines=True) == shown


def test_no_line_is_a_command_to_a_ci_system() -> None:
    hostile = "x" * 95 + " ::stop-commands::y ##vso[task.complete]"
    found = Finding("r", "error", hostile, "f", "::error::a")
    lines = format_report(Report("::error::a", executed=False, findings=(found,))).splitlines()
    assert lines[0].startswith("\\::error::a: ")
    assert not any(line.lstrip().startswith(("::", "##")) for line in lines)
    assert any("\\::stop-commands" in line for line in lines)


def test_json_has_every_field() -> None:
    report = Report("a.ipynb", executed=True, findings=(OWN, SHARED), notes=("Look.",))
    own = {
        "rule": "cell-failed",
        "severity": "error",
        "notebook": "a",
        "cell": {"index": 1, "id": "x"},
        "subject": None,
        "why": "cell 2 raised E.",
        "fix": "jupyter lab",
        "value": None,
        "limit": None,
        "file": None,
    }
    shared = {
        "rule": "gate-broken",
        "severity": "error",
        "notebook": None,
        "cell": None,
        "subject": "m",
        "why": "m is 1.",
        "fix": "see",
        "value": 1.0,
        "limit": 2.0,
        "file": None,
    }
    assert json.loads(encode_report(report)) == {
        "format": 0,
        "notebook": "a.ipynb",
        "executed": True,
        "findings": [own, shared],
        "notes": ["Look."],
    }


def test_json_has_no_nan() -> None:
    found = Finding("gate-broken", "error", "w", "f", value=math.nan, limit=math.inf)
    (decoded,) = json.loads(encode_report(Report("a", executed=False, findings=(found,))))[
        "findings"
    ]
    assert (decoded["value"], decoded["limit"]) == (None, None)


@given(st.text(st.characters()), st.text(st.characters()))
def test_json_is_ascii_and_names_come_back(name: str, why: str) -> None:
    found = Finding("r", "error", why, "f", name, CellPlace(0, name))
    encoded = encode_report(Report(name, executed=False, findings=(found,)))
    assert encoded.isascii()
    decoded = json.loads(encoded)
    assert decoded["notebook"] == decoded["findings"][0]["cell"]["id"] == name
    assert decoded["findings"][0]["why"] == visible(why)
