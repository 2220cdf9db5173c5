"""Dictionaries and tables in the form in which runs keep them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml


def dump_dictionary(dictionary: Mapping[str, Any], name: str) -> str:
    """Return ``dictionary`` as YAML where ``name`` ends so, else as JSON."""
    if name.lower().endswith((".yaml", ".yml")):
        plain = json.loads(json.dumps(dictionary, default=str))
        return str(yaml.safe_dump(plain, sort_keys=False))
    return json.dumps(dictionary, indent=2, default=str, ensure_ascii=False)


def to_rows(data: Any) -> Any:
    """Return columns by name as rows; a data frame as it is."""
    if not isinstance(data, Mapping):
        return data
    columns = {
        name: list(column) if isinstance(column, list | tuple) else [column]
        for name, column in data.items()
    }
    count = max(map(len, columns.values()), default=0)
    return [
        {name: column[at] if at < len(column) else None for name, column in columns.items()}
        for at in range(count)
    ]
