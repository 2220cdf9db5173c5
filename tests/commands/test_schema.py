from __future__ import annotations

from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest

from jupyter_mlops.commands.run import encode_result
from jupyter_mlops.commands.schema import (
    decode_arguments,
    decode_query,
    parameters_schema,
    result_schema,
)
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.errors import UsageError
from tests.support.sample_commands import SAMPLES, Said

KEEP, KEEP_LIST, SAY, RENAME, REMOVE, *_ = SAMPLES


def test_parameters_have_a_schema() -> None:
    schema = parameters_schema(KEEP)
    assert schema["required"] == []
    assert schema["properties"]["limit"] == {
        "type": "integer",
        "description": "How many.",
        "default": 10,
    }
    assert schema["properties"]["how"]["enum"] == ["fast", "safe"]
    assert schema["properties"]["paths"]["x-complete"] == "path"
    assert parameters_schema(RENAME)["required"] == ["old", "new"]
    assert parameters_schema(RENAME)["properties"]["new"]["type"] == "string"


def test_every_schema_is_a_schema() -> None:
    for command in SAMPLES:
        jsonschema.Draft202012Validator.check_schema(parameters_schema(command))
        jsonschema.Draft202012Validator.check_schema(result_schema(command))


def test_a_result_is_what_its_schema_says() -> None:
    printed = msgspec.json.decode(encode_result(Said("x", {"acc": 0.5})))
    jsonschema.validate(printed, result_schema(SAY))


def test_a_json_object_becomes_arguments() -> None:
    body = {"paths": ["a"], "limit": 3, "share": None, "tag": ["x"], "dry_run": True}
    assert decode_arguments(KEEP, body) == {
        "paths": ("a",),
        "limit": 3,
        "share": None,
        "tag": ("x",),
        "dry_run": True,
    }
    assert decode_arguments(RENAME, {"old": "a", "new": "b"}) == {"old": "a", "new": Path("b")}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"surprise": 1}, "unknown-option"),
        ({"limit": "3"}, "bad-value"),
        ({"how": "slow"}, "bad-value"),
        ({"paths": "a"}, "bad-value"),
        ({"dry_run": 1}, "bad-value"),
    ],
)
def test_a_json_object_that_does_not_fit_is_refused(body: dict[str, object], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        decode_arguments(KEEP, body)
    assert caught.value.code == code
    assert next(iter(body)) in caught.value.message


def test_what_is_required_must_be_there() -> None:
    bodies: tuple[dict[str, object], ...] = ({}, {"names": []})
    for body in bodies:
        with pytest.raises(UsageError) as caught:
            decode_arguments(REMOVE, body)
        assert caught.value.code == "missing-argument"


def test_a_query_becomes_arguments() -> None:
    query = {"paths": ["a", "b"], "limit": ["3"], "tag": ["x"], "dry_run": ["true"]}
    assert decode_query(KEEP, query) == {
        "paths": ("a", "b"),
        "limit": 3,
        "tag": ("x",),
        "dry_run": True,
    }
    assert decode_query(KEEP, {"share": ["0.5"], "links": ["false"], "how": ["fast"]}) == {
        "share": 0.5,
        "links": False,
        "how": "fast",
    }
    assert decode_query(RENAME, {"old": ["a"], "new": ["b"]}) == {"old": "a", "new": Path("b")}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"surprise": ["1"]}, "unknown-option"),
        ({"limit": ["many"]}, "bad-value"),
        ({"limit": ["1", "2"]}, "bad-value"),
        ({"how": ["slow"]}, "bad-value"),
        ({"dry_run": ["yes"]}, "bad-value"),
        ({"dry_run": ["true", "true"]}, "bad-value"),
    ],
)
def test_a_query_that_does_not_fit_is_refused(query: dict[str, list[str]], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        decode_query(KEEP, query)
    assert caught.value.code == code


def test_what_a_query_must_hold() -> None:
    with pytest.raises(UsageError) as caught:
        decode_query(REMOVE, {})
    assert caught.value.code == "missing-argument"


def test_what_rest_does_not_have_is_no_parameter() -> None:
    (history,) = (one for one in COMMANDS if one.name == "metrics history")
    assert "html" not in parameters_schema(history)["properties"]
    with pytest.raises(UsageError, match="html"):
        decode_arguments(history, {"html": "x"})
    with pytest.raises(UsageError, match="html"):
        decode_query(history, {"html": ["x"]})
