"""GitHub's own description of its API, and whether requests and answers are as it says.

``github_api.json`` beside this file is what the driver uses of the description that GitHub
publishes (@octokit/openapi, MIT): operations, their schemas, no prose. ``python -m
tests.support.github_description FILE`` makes it anew from ``api.github.com.json``.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from openapi_schema_validator import OAS30Validator

_FILE = Path(__file__).with_name("github_api.json")
_USED = {
    "/user": "get",
    "/repos/{owner}/{repo}": "get",
    "/repos/{owner}/{repo}/pulls": "get post",
    "/repos/{owner}/{repo}/pulls/{pull_number}": "get patch",
    "/repos/{owner}/{repo}/commits/{commit_sha}/pulls": "get",
    "/repos/{owner}/{repo}/commits/{commit_sha}/comments": "get post",
    "/repos/{owner}/{repo}/comments/{comment_id}": "patch delete",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": "get post",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": "patch delete",
    "/repos/{owner}/{repo}/statuses/{sha}": "post",
    "/repos/{owner}/{repo}/contents/{path}": "get",
    "/repos/{owner}/{repo}/git/blobs": "post",
    "/repos/{owner}/{repo}/git/trees": "post",
    "/repos/{owner}/{repo}/git/commits": "post",
    "/repos/{owner}/{repo}/git/refs": "post",
    "/repos/{owner}/{repo}/git/refs/{ref}": "patch",
    "/repos/{owner}/{repo}/git/ref/{ref}": "get",
}
_WITH_SLASHES = ("path", "ref")
_PROSE = frozenset({"description", "example", "examples", "externalDocs", "summary", "tags"})
_NAMED = frozenset({"properties", "schemas", "responses", "headers", "parameters"})


class NotAsDescribedError(AssertionError):
    """A request or an answer that GitHub's description does not allow."""


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked for, with the values in its path."""

    name: str
    described: dict[str, Any]
    path_values: dict[str, str]


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_FILE.read_bytes())
    return found


@cache
def _resolved(pointer: str) -> Any:
    value: Any = _document()
    for part in pointer.removeprefix("#/").split("/"):
        value = value[part.replace("~1", "/").replace("~0", "~")]
    return _resolve(value)


def _resolve(value: Any) -> Any:
    """Return ``value`` with what it refers to in the place of each reference."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            return _resolved(value["$ref"])
        return {key: _resolve(one) for key, one in value.items()}
    return [_resolve(one) for one in value] if isinstance(value, list) else value


@cache
def _patterns() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    found = []
    for template, operations in _document()["paths"].items():
        parts = re.split(r"\{(\w+)\}", template)
        pattern = "".join(
            f"(?P<{part}>{'.+' if part in _WITH_SLASHES else '[^/]+'})"
            if number % 2
            else re.escape(part)
            for number, part in enumerate(parts)
        )
        found.append((re.compile(pattern), {"template": template, **operations}))
    # What is most particular first: fewer names in the path, more text.
    return sorted(found, key=lambda pair: (pair[1]["template"].count("{"), -len(pair[0].pattern)))


def find_operation(method: str, path: str) -> Operation:
    """Return what ``method`` does at ``path``.

    Raises:
        NotAsDescribedError: GitHub has no such thing.
    """
    for pattern, operations in _patterns():
        matched = pattern.fullmatch(path)
        if matched and method.lower() in operations:
            described = _resolve(operations[method.lower()])
            values = {key: unquote(value) for key, value in matched.groupdict().items()}
            return Operation(f"{method} {operations['template']}", described, values)
    raise NotAsDescribedError(f"GitHub describes no {method} {path}")


def check_request(operation: Operation, query: dict[str, str], body: bytes) -> None:
    """Check the parameters and the body of a request.

    Raises:
        NotAsDescribedError: one is not described, is missing, or has another form.
    """
    known: dict[str, Any] = {p["name"]: p for p in operation.described.get("parameters", ())}
    for place, given in (("query", query), ("path", operation.path_values)):
        for name, value in given.items():
            if known.get(name, {}).get("in") != place:
                raise NotAsDescribedError(f"{operation.name} has no {name} in its {place}")
            _check(_typed(value, known[name]["schema"]), known[name]["schema"], operation, name)
    for name, parameter in known.items():
        if parameter.get("required") and parameter["in"] == "query" and name not in query:
            raise NotAsDescribedError(f"{operation.name} wants {name}")
    wanted = operation.described.get("requestBody")
    if wanted is None:
        if body:
            raise NotAsDescribedError(f"{operation.name} takes no body")
        return
    schema = wanted["content"]["application/json"]["schema"]
    told = json.loads(body)
    _check(told, schema, operation, "the body")
    unknown = set(told) - set(schema.get("properties", told))
    if unknown:
        raise NotAsDescribedError(f"{operation.name}: the body has {sorted(unknown)}")


def check_answer(operation: Operation, status: int, body: Any) -> None:
    """Check that an answer of that status has the form described; None is an empty one.

    Raises:
        NotAsDescribedError: it has not.
    """
    answers = operation.described["responses"]
    if str(status) not in answers:
        if status >= 400:
            return  # not every refusal is described
        raise NotAsDescribedError(f"{operation.name} does not answer with {status}")
    content = answers[str(status)].get("content", {})
    described = content.get("application/json") or content.get("application/vnd.github.object")
    if described is None or body is None:
        if (described is None) != (body is None):
            raise NotAsDescribedError(f"{operation.name}, {status}: an answer or none")
        return
    _check(body, described["schema"], operation, f"the answer {status}")


def answer_of(operation: Operation, status: int, **told: Any) -> Any:
    """Return the shortest answer that is as described, with ``told`` in it at those places.

    Raises:
        NotAsDescribedError: the description has no such place.
    """
    content = operation.described["responses"][str(status)]["content"]
    schema = content["application/json"]["schema"]
    if schema.get("type") == "array":
        schema = schema["items"]
    made = _shortest(schema)
    _put(made, schema, told, operation.name)
    return made


def _put(made: Any, schema: dict[str, Any], told: dict[str, Any], where: str) -> None:
    properties = _properties(schema)
    for key, value in told.items():
        if key not in properties:
            raise NotAsDescribedError(f"{where} has no {key}")
        if isinstance(value, dict):
            if not isinstance(made.get(key), dict):
                made[key] = _shortest({**properties[key], "nullable": False})
            _put(made[key], properties[key], value, f"{where}: {key}")
        else:
            made[key] = value


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    found = dict(schema.get("properties", {}))
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word, ()):
            found |= _properties(part)
    return found


def _shortest(schema: dict[str, Any]) -> Any:
    """Return the shortest value that fits a schema."""
    if schema.get("nullable") and "type" in schema:
        return None
    if "enum" in schema:
        return schema["enum"][0]
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return _shortest(schema[word][0])
    if "allOf" in schema:
        return {key: value for part in schema["allOf"] for key, value in _shortest(part).items()}
    match schema.get("type"):
        case "array":
            return [_shortest(schema["items"])] * schema.get("minItems", 0)
        case "integer" | "number":
            return max(schema.get("minimum", 0), 0)
        case "boolean":
            return False
        case "string":
            forms = {"date-time": "2026-01-01T00:00:00Z", "uri": "https://example.org/"}
            return forms.get(schema.get("format", ""), "x" * schema.get("minLength", 0))
    required = schema.get("required", ())
    return {key: _shortest(schema["properties"][key]) for key in required}


def _typed(value: str, schema: dict[str, Any]) -> Any:
    return int(value) if schema.get("type") == "integer" and value.isdigit() else value


def _check(value: Any, schema: dict[str, Any], operation: Operation, what: str) -> None:
    if "discriminator" in schema and isinstance(value, dict):
        schema = _named_by(value, schema)
    problems = sorted(OAS30Validator(schema).iter_errors(value), key=lambda error: error.json_path)
    if problems:
        first = problems[0]
        raise NotAsDescribedError(
            f"{operation.name}, {what}, {first.json_path}: {first.message[:300]}"
        )


def _named_by(value: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the one of several schemas that a value itself names."""
    told = schema["discriminator"]
    pointer = told["mapping"].get(value.get(told["propertyName"]))
    found: dict[str, Any] = _resolved(pointer) if pointer else schema
    return found


def _without_prose(value: Any, *, names: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_prose(one, names=key in _NAMED)
            for key, one in value.items()
            if names or (key not in _PROSE and not key.startswith("x-"))
        }
    return [_without_prose(one) for one in value] if isinstance(value, list) else value


def _make(source: Path) -> None:
    whole = json.loads(source.read_bytes())
    paths = {
        template: {method: _without_prose(whole["paths"][template][method]) for method in methods}
        for template, methods in ((t, m.split()) for t, m in _USED.items())
    }
    kept: dict[str, dict[str, Any]] = {}
    waiting: list[Any] = [paths]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            pointer = value.get("$ref")
            if isinstance(pointer, str):
                _, kind, name = pointer.removeprefix("#/").split("/")
                if name not in kept.setdefault(kind, {}):
                    kept[kind][name] = _without_prose(whole["components"][kind][name])
                    waiting.append(kept[kind][name])
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    made = {
        "openapi": whole["openapi"],
        "info": {**whole["info"], "description": "What the tests use of GitHub's description."},
        "paths": paths,
        "components": kept,
    }
    _FILE.write_text(json.dumps(made, indent=0, sort_keys=True).replace("\n", "") + "\n", "utf-8")


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
