"""What REST needs: JSON Schema of parameters and results, and JSON bodies as arguments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from jupyter_mlops.commands.signature import Parameter, Signature, read_signature
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.errors import UsageError


def parameters_schema(command: Command) -> dict[str, Any]:
    """Return the JSON Schema of the object that holds a command's arguments by name."""
    parameters = read_signature(command).parameters
    return {
        "type": "object",
        "properties": {p.name: _parameter_schema(p) for p in parameters},
        "required": [p.name for p in parameters if p.required],
        "additionalProperties": False,
    }


def result_schema(command: Command) -> dict[str, Any]:
    """Return the JSON Schema of what ``--json`` prints; its ``$defs`` name every class in it."""
    result = read_signature(command).result
    return {"type": "null"} if result is None else msgspec.json.schema(result)


def decode_arguments(command: Command, body: Mapping[str, object]) -> dict[str, object]:
    """Return the arguments that a JSON object holds.

    Raises:
        UsageError: a name is unknown or missing, or a value has the wrong type; the message names
            it.
    """
    signature = read_signature(command)
    known = {p.name: p for p in signature.parameters}
    for name in body:
        if name not in known:
            raise UsageError(f"{command.name!r} has no parameter {name!r}.", code="unknown-option")
    _require(command, signature, body)
    return {name: _decode(known[name], value) for name, value in body.items()}


def _require(command: Command, signature: Signature, body: Mapping[str, object]) -> None:
    for parameter in signature.parameters:
        if parameter.required and not body.get(parameter.name):
            raise UsageError(f"{command.name!r} needs {parameter.name!r}.", code="missing-argument")


def _decode(parameter: Parameter, value: object) -> object:
    try:
        return msgspec.convert(value, parameter.type, strict=True, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        raise UsageError(f"Parameter {parameter.name!r}: {error}.", code="bad-value") from error


def _parameter_schema(parameter: Parameter) -> dict[str, Any]:
    schema = msgspec.json.schema(parameter.type, schema_hook=_path_schema)
    schema["description"] = parameter.arg.help
    if not parameter.required:
        schema["default"] = msgspec.to_builtins(parameter.default, enc_hook=str)
    if parameter.arg.complete != "none":
        schema["x-complete"] = parameter.arg.complete
    return schema


def _to_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise msgspec.ValidationError(f"expected a path, got {value!r}")


def _path_schema(kind: type) -> dict[str, Any]:
    """Return the schema of a type that msgspec does not know; its hooks say no by this error."""
    if kind is Path:
        return {"type": "string"}
    raise NotImplementedError
