"""What REST needs: JSON Schema of parameters and results; JSON bodies and queries as arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from jupyter_mlops.commands.signature import Parameter, read_signature
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.errors import UsageError


def parameters_schema(command: Command) -> dict[str, Any]:
    """Return the JSON Schema of the object that holds a command's arguments by name."""
    parameters = _offered(command)
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
    known = _match(command, body)
    missing = [p.name for p in known.values() if p.required and not body.get(p.name)]
    _refuse_missing(command, missing)
    return {name: _decode(known[name], value) for name, value in body.items()}


def decode_query(command: Command, query: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Return the arguments that a URL's query holds: the values given for each name, as texts.

    A flag is ``true`` or ``false``; only a parameter that takes several values may be repeated.

    Raises:
        UsageError: as :func:`decode_arguments`.
    """
    known = _match(command, query)
    _refuse_missing(command, [p.name for p in known.values() if p.required and p.name not in query])
    return {name: _decode_texts(known[name], texts) for name, texts in query.items()}


def _offered(command: Command) -> tuple[Parameter, ...]:
    return tuple(p for p in read_signature(command).parameters if p.arg.rest)


def _match(command: Command, names: Iterable[str]) -> dict[str, Parameter]:
    """Return the parameters by name; every one of ``names`` is among them."""
    known = {p.name: p for p in _offered(command)}
    for name in names:
        if name not in known:
            raise UsageError(f"{command.name!r} has no parameter {name!r}.", code="unknown-option")
    return known


def _refuse_missing(command: Command, names: Sequence[str]) -> None:
    if names:
        raise UsageError(f"{command.name!r} needs {names[0]!r}.", code="missing-argument")


def _decode_texts(parameter: Parameter, texts: Sequence[str]) -> object:
    if parameter.many:
        return tuple(parameter.convert(text) for text in texts)
    if len(texts) != 1:
        raise UsageError(f"Parameter {parameter.name!r} is given twice.", code="bad-value")
    if not parameter.is_flag:
        return parameter.convert(texts[0])
    if texts[0] not in ("true", "false"):
        raise UsageError(
            f"Parameter {parameter.name!r} is {texts[0]!r}, but must be true or false.",
            code="bad-value",
        )
    return texts[0] == "true"


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
