"""The types of REST's parameters and results in TypeScript, from their JSON Schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_mlops.commands.schema import parameters_schema, result_schema
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.table import COMMANDS

TYPES_PATH = Path(__file__).parents[2] / "labextension" / "src" / "api" / "schema.ts"

_HEAD = """\
// Made by `python -m jupyter_mlops.commands.reference` from the commands' own signatures.

"""
_LINE_LETTERS = 100
_SIMPLE = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def render_types(commands: Sequence[Command] = COMMANDS) -> str:
    """Return the module; equal commands give equal bytes.

    Commands without a route are left out. Each class of a result is an interface of its own name;
    ``ICommands`` has, by each command's route, its parameters, its result, and whether it is asked
    by GET or by POST.
    """
    commands = [command for command in commands if command.rest]
    definitions: dict[str, Mapping[str, Any]] = {}
    for command in commands:
        definitions.update(result_schema(command).get("$defs", {}))
    parts = [_render_definition(name, definitions[name]) for name in sorted(definitions)]
    routes = "".join(_render_route(command) for command in commands)
    return _HEAD + "\n".join(parts) + "\nexport interface ICommands {\n" + routes + "}\n"


def _render_definition(name: str, schema: Mapping[str, Any]) -> str:
    if "properties" not in schema:
        return _break_union(f"export type {name} = {_render_type(schema)};", " =", "  ") + "\n"
    fields = "".join(
        _break_union(f"  {key}: {_render_type(one)};", ":", "    ") + "\n"
        for key, one in schema["properties"].items()
    )
    return f"export interface {name} {{\n{fields}}}\n"


def _render_route(command: Command) -> str:
    parameters = parameters_schema(command)
    fields = "".join(
        f"      {key}{'' if key in parameters['required'] else '?'}: {_render_type(one)};\n"
        for key, one in parameters["properties"].items()
    )
    taken = f"{{\n{fields}    }}" if fields else "Record<string, never>"
    return (
        f"  {_key('/'.join(command.words))}: {{\n"
        f"    method: {_quote('GET' if command.reads else 'POST')};\n"
        f"    parameters: {taken};\n"
        f"    result: {_render_type(result_schema(command))};\n"
        "  };\n"
    )


def _render_type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(_quote(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_render_type(one) for one in schema["anyOf"]))
    kind = schema.get("type")
    if kind == "array":
        return _render_array(schema)
    if kind == "object":
        return f"Record<string, {_render_type(schema.get('additionalProperties', {}))}>"
    return _SIMPLE.get(str(kind), "unknown")


def _break_union(line: str, before: str, indent: str) -> str:
    """Return a line whose type is a union as Prettier has it.

    Where it is too long the union has the next line, or where it is too long for that, one each.
    """
    head, _, union = line.partition(f"{before} ")
    if len(line) <= _LINE_LETTERS:
        return line
    if len(indent + union) <= _LINE_LETTERS:
        return f"{head}{before}\n{indent}{union}"
    return f"{head}{before}" + "".join(f"\n{indent}| {one}" for one in union.split(" | "))


def _render_array(schema: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(_iter_types(schema['prefixItems']))}]"
    inner = _render_type(schema["items"])
    return f"({inner})[]" if " | " in inner else f"{inner}[]"


def _iter_types(schemas: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (_render_type(schema) for schema in schemas)


def _key(name: str) -> str:
    return name if name.isidentifier() else _quote(name)


def _quote(value: object) -> str:
    """Return a literal of TypeScript in the quotes that the rest of its code has."""
    return f"'{value}'" if isinstance(value, str) and "'" not in value else json.dumps(value)
