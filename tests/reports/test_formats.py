from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.formats import FORMATS, encode_reports
from jupyter_mlops.reports.report import Report
from jupyter_mlops.reports.rules import RULES

OWN = Finding(
    "cell-failed",
    "error",
    "cell 2 (x) raised E: 50%.",
    "jupyter lab a",
    "a.ipynb",
    CellPlace(1, "x"),
)
SHARED = Finding("gate-broken", "error", "m is 1.", "see", subject="m", file="mlops.toml")
WARNING = Finding("output-drift", "warning", "cell 1 drifts.", "run", "a.ipynb", CellPlace(0, None))
REPORT = Report("a.ipynb", True, (OWN, WARNING, SHARED), ("A note.",), cell_lines=(4, 15))


def encode(format: str, *reports: Report) -> str:
    return encode_reports(format, reports, lambda name: f"sub/{name}")


def test_junit_has_a_suite_a_notebook_and_a_failure_a_finding() -> None:
    root = ElementTree.fromstring(encode("junit", REPORT, Report("b.ipynb", False)))
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "4", "3")
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["sub/a.ipynb", "sub/b.ipynb", "project"]
    cases = suites["sub/a.ipynb"].findall("testcase")
    assert [case.get("name") for case in cases] == ["cell-failed cell 2 (x)", "output-drift cell 1"]
    failure = cases[0].find("failure")
    assert failure is not None
    assert failure.get("message") == "cell 2 (x) raised E: 50%."
    assert failure.text == "cell 2 (x) raised E: 50%.\njupyter lab a"
    (passed,) = suites["sub/b.ipynb"].findall("testcase")
    assert passed.find("failure") is None


def test_sarif_names_every_rule_and_where_each_finding_is() -> None:
    log = json.loads(encode("sarif", REPORT))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in RULES]
    first, _, shared = run["results"]
    assert driver["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "cell-failed"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "sub/a.ipynb", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 15}
    assert first["level"] == "error"
    assert shared["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "mlops.toml"


def test_uris_are_quoted() -> None:
    report = Report("two words %é.ipynb", False, (OWN,))
    uri = json.loads(encode("sarif", report))["runs"][0]["results"][0]["locations"][0]
    assert uri["physicalLocation"]["artifactLocation"]["uri"] == "sub/two%20words%20%25%C3%A9.ipynb"


def test_github_gets_commands_and_the_text_below() -> None:
    first, second, third, *text = encode("github", REPORT).splitlines()
    assert first == (
        "::error file=sub/a.ipynb,line=15,title=cell-failed"
        "::cell 2 (x) raised E: 50%25.%0Ajupyter lab a"
    )
    assert second.startswith("::warning file=sub/a.ipynb,line=4,title=output-drift::")
    assert third.startswith("::error file=mlops.toml,line=1,title=gate-broken::")
    assert text[0] == "a.ipynb: 2 findings"


def test_github_shows_ten_errors_and_ten_warnings_of_a_step() -> None:
    report = Report("a", False, (OWN,) * 13 + (WARNING,) * 12)
    lines = encode("github", report).splitlines()
    assert sum(line.startswith("::error ") for line in lines) == 10
    assert sum(line.startswith("::warning ") for line in lines) == 10
    assert "5 findings more, in the text below." in lines
    assert sum("raised E" in line for line in lines if not line.startswith("::")) == 13


def test_codequality_is_what_gitlab_reads() -> None:
    issues = json.loads(encode("codequality", REPORT))
    assert issues[0] == {
        "description": "cell 2 (x) raised E: 50%. Fix: jupyter lab a",
        "check_name": "cell-failed",
        "fingerprint": issues[0]["fingerprint"],
        "severity": "major",
        "location": {"path": "sub/a.ipynb", "lines": {"begin": 15}},
    }
    assert issues[1]["severity"] == "minor"


def test_fingerprints_stay_and_differ() -> None:
    def marks(*findings: Finding) -> list[str]:
        issues = json.loads(encode("codequality", Report("a.ipynb", False, findings)))
        return [issue["fingerprint"] for issue in issues]

    one, two = marks(OWN, OWN)
    assert one != two
    moved = Finding("cell-failed", "error", "cell 9 (x) raised.", "f", "a.ipynb", CellPlace(8, "x"))
    assert marks(moved) == [one]


def test_json_has_every_report() -> None:
    encoded = json.loads(encode("json", REPORT, Report("b.ipynb", False)))
    assert [one["notebook"] for one in encoded["reports"]] == ["a.ipynb", "b.ipynb"]
    assert [len(one["findings"]) for one in encoded["reports"]] == [3, 0]


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_found_is_something_that_can_be_read(format: str) -> None:
    assert encode(format).endswith("\n") or format in ("text", "github")


_TEXT = st.text(alphabet=st.characters(codec=None), max_size=40)


@given(_TEXT, _TEXT, _TEXT, _TEXT)
def test_no_text_breaks_a_format(name: str, why: str, fix: str, id: str) -> None:
    found = Finding("cell-failed", "error", why, fix, name, CellPlace(0, id), subject=fix, file=why)
    project = Finding("gate-broken", "error", why, fix, subject=id, file=name)
    report = Report(name, False, (found, project))
    decoded: Any = json.loads(encode("sarif", report))
    assert len(decoded["runs"][0]["results"]) == 2
    assert len(json.loads(encode("codequality", report))) == 2
    encode("junit", report).encode("utf-8")
    assert len(ElementTree.fromstring(encode("junit", report)).findall(".//failure")) == 2
    commands = encode("github", report).splitlines()
    assert sum(line.lstrip().startswith(("::", "##")) for line in commands) == 2
    assert all(
        re.match(r"::error file=[^,:]*,line=1,title=[a-z-]+::", line) for line in commands[:2]
    )
