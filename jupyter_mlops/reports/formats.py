"""Reports in the forms that CI systems read: JUnit, SARIF, GitHub's commands, GitLab's report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from jupyter_mlops._version import __version__
from jupyter_mlops.reports.places import Locate, Located, clean, locate_all
from jupyter_mlops.reports.report import (
    FORMAT,
    Report,
    count_findings,
    describe_report,
    disarm,
    format_report,
)
from jupyter_mlops.reports.rules import RULES
from jupyter_mlops.units import plural

Format = Literal["text", "json", "junit", "sarif", "github", "codequality"]

FORMATS: tuple[Format, ...] = ("text", "json", "junit", "sarif", "github", "codequality")

_SUFFIXES: Mapping[str, str] = {
    "text": ".txt",
    "json": ".json",
    "junit": ".xml",
    "sarif": ".sarif",
    "github": ".txt",
    "codequality": ".codequality.json",
}
_PAGE = "https://jupyter-mlops.readthedocs.io/checks"
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ANNOTATIONS = 10
"""How many errors, and how many warnings, GitHub shows of one step of a job."""


def suffix_of(format: str) -> str:
    """Return how the name of a file with a report in that format ends."""
    return _SUFFIXES.get(format, ".txt")


def encode_reports(format: str, reports: Sequence[Report], locate: Locate) -> str:
    """Return ``reports`` in one of :data:`FORMATS`, with a final newline."""
    return _ENCODERS[format](reports, locate)


def _encode_text(reports: Sequence[Report], locate: Locate) -> str:
    return "".join(map(format_report, reports))


def _encode_json(reports: Sequence[Report], locate: Locate) -> str:
    encoded = {"format": FORMAT, "reports": list(map(describe_report, reports))}
    return json.dumps(encoded, indent=2, allow_nan=False) + "\n"


def _encode_junit(reports: Sequence[Report], locate: Locate) -> str:
    """One suite a notebook, one for the project; each finding is a test that fails.

    What has no findings has one test that passes, so that CI systems count it.
    """
    located = list(locate_all(reports, locate))
    suites: dict[str, list[Located]] = {clean(locate(one.notebook)): [] for one in reports}
    for found in located:
        name = found.path if found.finding.notebook is not None else "project"
        suites.setdefault(name, []).append(found)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    tests = sum(max(1, len(cases)) for cases in suites.values())
    lines.append(f'<testsuites name="mlops-check" tests="{tests}" failures="{len(located)}">')
    for name, cases in suites.items():
        count = max(1, len(cases))
        lines.append(
            f'  <testsuite name={quoteattr(name)} tests="{count}" failures="{len(cases)}"'
            ' errors="0" skipped="0">'
        )
        lines += _iter_cases(name, cases)
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _iter_cases(suite: str, findings: Sequence[Located]) -> Iterator[str]:
    where = f"classname={quoteattr(suite)} file={quoteattr(suite)}"
    if not findings:
        yield f'    <testcase {where} name="no findings" time="0"/>'
    for rule, group in groupby(
        sorted(findings, key=lambda one: one.finding.rule), lambda one: one.finding.rule
    ):
        names: dict[str, int] = {}
        for one in group:
            subject = one.cell or clean(one.finding.subject or "")
            name = f"{rule} {subject}".rstrip()
            names[name] = names.get(name, 0) + 1
            name += f" ({names[name]})" * (names[name] > 1)
            yield f'    <testcase {where} name={quoteattr(name)} time="0">'
            message = f'message={quoteattr(one.why)} type="{one.finding.severity}"'
            yield f"      <failure {message}>{escape(one.why)}"
            yield f"{escape(one.fix)}</failure>"
            yield "    </testcase>"


def _encode_sarif(reports: Sequence[Report], locate: Locate) -> str:
    index = {rule.id: number for number, rule in enumerate(RULES)}
    run = {
        "tool": {
            "driver": {
                "name": "jupyter-mlops",
                "informationUri": _PAGE,
                "semanticVersion": __version__,
                "rules": [
                    {
                        "id": rule.id,
                        "shortDescription": {"text": f"It found that {rule.summary}."},
                        "defaultConfiguration": {"level": rule.severity},
                        "helpUri": f"{_PAGE}#rules",
                    }
                    for rule in RULES
                ],
            }
        },
        "automationDetails": {"id": "mlops-check/"},
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": [_encode_result(one, index) for one in locate_all(reports, locate)],
    }
    log = {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"


def _encode_result(one: Located, index: Mapping[str, int]) -> dict[str, Any]:
    uri = quote(one.path.encode("utf-8", "surrogateescape"), safe="/~!$&'()*+,;=@")
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": one.line},
        }
    }
    if one.cell is not None:
        location["logicalLocations"] = [{"name": one.cell, "kind": "member"}]
    return {
        "ruleId": one.finding.rule,
        "ruleIndex": index[one.finding.rule],
        "level": one.finding.severity,
        "message": {"text": f"{one.why} Fix: {one.fix}"},
        "locations": [location],
        "partialFingerprints": {"mlopsFinding/v1": one.fingerprint},
    }


def _encode_github(reports: Sequence[Report], locate: Locate) -> str:
    """Ten errors and ten warnings as commands, which GitHub shows at their files; all as text."""
    lines = []
    counts = {"error": 0, "warning": 0}
    left_out = 0
    for one in locate_all(reports, locate):
        severity = one.finding.severity
        if counts[severity] == _ANNOTATIONS:
            left_out += 1
            continue
        counts[severity] += 1
        properties = {"file": one.path, "line": str(one.line), "title": one.finding.rule}
        told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
        place = f"{one.cell}: " if one.cell and one.cell not in one.why else ""
        lines.append(f"::{severity} {told}::{_command(f'{place}{one.why}')}%0A{_command(one.fix)}")
    if left_out:
        lines.append(disarm(f"{plural(left_out, 'finding')} more, in the text below."))
    return "".join(f"{line}\n" for line in lines) + _encode_text(reports, locate)


def _command(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _command(text).replace(":", "%3A").replace(",", "%2C")


def _encode_codequality(reports: Sequence[Report], locate: Locate) -> str:
    severities = {"error": "major", "warning": "minor"}
    issues = [
        {
            "description": f"{one.why} Fix: {one.fix}",
            "check_name": one.finding.rule,
            "fingerprint": one.fingerprint,
            "severity": severities[one.finding.severity],
            "location": {"path": one.path, "lines": {"begin": one.line}},
        }
        for one in locate_all(reports, locate)
    ]
    return json.dumps(issues, indent=2) + "\n"


def summarise(reports: Sequence[Report]) -> str:
    """Return the last line of a check: how many notebooks, how much was found."""
    found = sum(len(report.findings) for report in reports)
    return f"{plural(len(reports), 'notebook')}, {count_findings(found)}."


_ENCODERS: Mapping[str, Callable[[Sequence[Report], Locate], str]] = {
    "text": _encode_text,
    "json": _encode_json,
    "junit": _encode_junit,
    "sarif": _encode_sarif,
    "github": _encode_github,
    "codequality": _encode_codequality,
}
