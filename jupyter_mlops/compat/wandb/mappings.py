"""W&B's config and summary: values by key or as attributes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import yaml

from jupyter_mlops.compat.stand_in import guarded


class _Attributes(MutableMapping[str, Any]):
    """Values by key or as attributes; ``changed`` is called with what is set."""

    def __init__(self, changed: Callable[[dict[str, Any]], None]) -> None:
        vars(self)["_changed"] = changed
        vars(self)["_values"] = {}

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__") and name in self._values:
            return self._values[name]
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.update({name: value})

    @guarded
    def update(self, d: Any = (), /, allow_val_change: bool | None = None, **named: Any) -> None:
        """Set values: of a mapping, or of anything with attributes, such as parsed arguments."""
        given = {**to_mapping(d), **named}
        self._values.update(given)
        self._changed(given)


class Config(_Attributes):
    """Parameters; what is set is logged."""

    @guarded
    def setdefaults(self, d: Any) -> None:
        """Set those parameters that are not set yet."""
        self.update({key: value for key, value in to_mapping(d).items() if key not in self})

    def as_dict(self) -> dict[str, Any]:
        """Return all parameters."""
        return dict(self._values)

    def persist(self) -> None:
        """Do nothing: what is set is logged."""


class Summary(_Attributes):
    """The last value of each metric; what is set here is the last one."""

    def note(self, values: Mapping[str, Any]) -> None:
        """Remember what was logged."""
        self._values.update(values)


def to_mapping(given: Any) -> dict[str, Any]:
    """Return a mapping, a YAML file's or an object's attributes as a dictionary."""
    if isinstance(given, str | os.PathLike):
        loaded = yaml.safe_load(Path(given).read_text("utf-8"))
        return {str(key): _unwrap(value) for key, value in loaded.items()}
    if isinstance(given, Mapping):
        return {str(key): value for key, value in given.items()}
    return dict(vars(given)) if hasattr(given, "__dict__") else dict(given)


def _unwrap(value: Any) -> Any:
    """Return a value of a W&B file of parameters, which has each in a table with a description."""
    return value["value"] if isinstance(value, Mapping) and "value" in value else value
