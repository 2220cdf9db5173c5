"""Reads metrics and parameters out of JSON, YAML and TOML files of any revision."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import yaml

from jupyter_mlops.formats.toml import parse_toml
from jupyter_mlops.metrics.patterns import compile_patterns
from jupyter_mlops.text import visible
from jupyter_mlops.trees import Tree

Number = int | float
Scalar = str | int | float | bool | None

FILE_LIMIT_BYTES = 8 * 1024**2
TOO_LARGE = f"it is larger than {FILE_LIMIT_BYTES // 1024**2} MiB"
"""Why a file beyond the limit is left out."""

NAMES_LIMIT = 10_000
_NESTING_LIMIT = 32
_INTEGER_LIMIT = 2**1023
_LIST_TEXT_LIMIT = 10_000
# What PyYAML raises for a scalar that is not what its tag says: it indexes and calls, unchecked.
_MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_SPLIT = re.compile(r"(.+?\.(?:json|ya?ml|toml)):(.*)", re.IGNORECASE | re.DOTALL)
_NON_FINITE = {
    "NaN": math.nan,
    "nan": math.nan,
    "Infinity": math.inf,
    "inf": math.inf,
    "-Infinity": -math.inf,
    "-inf": -math.inf,
}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that could not be read as values, and why.

    ``where`` is the first commit that holds it so, None outside of history; ``versions`` counts its
    contents that could not be read.
    """

    path: str
    why: str
    where: str | None = None
    versions: int = 1


@dataclass(frozen=True, slots=True)
class Read(Generic[_T]):
    """Values by full name, ``file:key.path``, in the order of their files, and what was skipped."""

    values: Mapping[str, _T] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def read_metrics(tree: Tree, files: Sequence[str]) -> Read[Number]:
    """Return every number in the files of ``tree`` that match the patterns ``files``."""
    return _read(tree, files, decode_metrics)


def read_params(tree: Tree, files: Sequence[str]) -> Read[Scalar]:
    """Return every scalar in the files of ``tree`` that match the patterns ``files``."""
    return _read(tree, files, decode_params)


def decode_metrics(path: str, content: bytes) -> dict[str, Number]:
    """Return the numbers in one file, by key path; lists, texts and booleans are none.

    Raises:
        ValueError: the file is not what its suffix says; the message is the reason.
    """
    return decode_leaves(path, content)[0]


def decode_leaves(path: str, content: bytes) -> tuple[dict[str, Number], tuple[str, ...]]:
    """Return the numbers in one file, and the key paths of what stands there and is none.

    Raises:
        ValueError: as :func:`decode_metrics`.
    """
    numbers: dict[str, Number] = {}
    others: dict[str, None] = {}
    for key, value in _iter_scalars(decode_file(path, content)):
        number = _to_number(value)
        if number is not None:
            numbers.setdefault(key, number)
        elif value is not None:
            others[key] = None
    return numbers, tuple(key for key in others if key not in numbers)


def decode_params(path: str, content: bytes) -> dict[str, Scalar]:
    """Return the scalars in one file, by key path; a list counts as one value, as compact JSON.

    Raises:
        ValueError: the file is not what its suffix says; the message is the reason.
    """
    found: dict[str, Scalar] = {}
    for key, value in _iter_scalars(decode_file(path, content)):
        found.setdefault(key, _to_scalar(value))
    return found


def full_name(path: str, key: str) -> str:
    """Return the full name of the value at ``key`` in the file ``path``."""
    return f"{path}:{key}"


def split_name(name: str) -> tuple[str, str]:
    """Return path and key path of a full name; the path is empty where ``name`` has none."""
    match = _SPLIT.fullmatch(name)
    return (match[1], match[2]) if match else ("", name)


def label_names(names: Sequence[str]) -> dict[str, str]:
    """Return what each full name is called: its key path where that tells it from all others.

    Otherwise its file follows, with as many folders as it takes; that names differ in case is not
    enough, as people do not see it.
    """
    split = {name: split_name(name) for name in names}
    by_key: dict[str, list[str]] = {}
    for name, (_, key) in split.items():
        by_key.setdefault(key, []).append(name)
    labels = {}
    for key, alike in by_key.items():
        files = _tell_apart([split[name][0] for name in alike]) if len(alike) > 1 else [""]
        for name, file in zip(alike, files, strict=True):
            labels[name] = visible(f"{key} · {file}" if file else key)
    return {name: labels[name] for name in names}


def _tell_apart(paths: Sequence[str]) -> list[str]:
    """Return the shortest ends of the paths that differ, without suffixes where they do."""
    whole = [path.split("/") for path in paths]
    stems = [[*parts[:-1], parts[-1].rpartition(".")[0]] for parts in whole]
    for named in (stems, whole):
        for count in range(1, max(map(len, named)) + 1):
            ends = ["/".join(parts[-count:]) for parts in named]
            if len({end.casefold() for end in ends}) == len(ends):
                return ends
    return list(paths)


def _read(
    tree: Tree, files: Sequence[str], decode: Callable[[str, bytes], Mapping[str, _T]]
) -> Read[_T]:
    matches = compile_patterns(tuple(files))
    values: dict[str, _T] = {}
    problems: list[Problem] = []
    for path, content in tree.read_many(path for path in tree.iter_paths() if matches(path)):
        try:
            found = decode(path, content)
        except ValueError as error:
            problems.append(Problem(path, str(error)))
        else:
            values.update((full_name(path, key), value) for key, value in found.items())
    return Read(values, tuple(problems))


def decode_file(path: str, content: bytes) -> object:
    """Return what one file says, read as the end of its name tells.

    Raises:
        ValueError: it is too large, or not what its suffix says; the message is the reason.
    """
    if len(content) > FILE_LIMIT_BYTES:
        raise ValueError(TOO_LARGE)
    suffix = path.rsplit(".", 1)[-1].lower()
    decode = _DECODERS.get(suffix)
    if decode is None:
        raise ValueError("its name ends in none of .json, .yaml, .yml, .toml")
    try:
        return decode(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _decode_json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from error


def _decode_toml(text: str) -> object:
    try:
        return parse_toml(text)
    except ValueError as error:
        raise ValueError(f"it is {error}") from error


class _YamlLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that takes ``1e-3`` for a number, as YAML 1.2 does and PyYAML does not."""


_YamlLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)[eE][-+]?\d+"),
    list("-+.0123456789"),
)


def _decode_yaml(text: str) -> object:
    try:
        return yaml.load(text, Loader=_YamlLoader)
    except (yaml.YAMLError, *_MALFORMED) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"it is not YAML: {reason}") from error


_DECODERS: Mapping[str, Callable[[str], object]] = {
    "json": _decode_json,
    "toml": _decode_toml,
    "yaml": _decode_yaml,
    "yml": _decode_yaml,
}

SUFFIXES = frozenset(_DECODERS)
"""The ends of names, in lower case, that tell how a file is read."""


def _iter_scalars(decoded: object) -> Iterator[tuple[str, object]]:
    """Yield key path and value, shallow keys first where two spell the same path."""
    level: list[tuple[str, object]] = [("", decoded)] if isinstance(decoded, Mapping) else []
    count = 0
    for _ in range(_NESTING_LIMIT):
        deeper: list[tuple[str, object]] = []
        for prefix, table in level:
            assert isinstance(table, Mapping)
            for key, value in table.items():
                count += 1
                if count > NAMES_LIMIT:
                    raise ValueError(f"it has more than {NAMES_LIMIT} values")
                path = _text(f"{prefix}{key}")
                if isinstance(value, Mapping):
                    deeper.append((f"{path}.", value))
                else:
                    yield path, value
        if not deeper:
            return
        level = deeper
    raise ValueError("it is nested too deeply")


def _to_number(value: object) -> Number | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if abs(value) < _INTEGER_LIMIT else math.copysign(math.inf, value > 0 or -1)
    return _NON_FINITE.get(value) if isinstance(value, str) else None


def _to_scalar(value: object) -> Scalar:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        if abs(value) >= _INTEGER_LIMIT:
            raise ValueError("it has an integer of more than 1,023 bits")
        return value
    return _text(_list_text(value) if isinstance(value, list | tuple) else str(value))


def _text(text: str) -> str:
    """Return ``text`` with a question mark for each half of a surrogate pair, which no file has."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _list_text(value: object) -> str:
    """Return compact JSON, cut where it gets long, be it by YAML's references to itself."""
    text = ""
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)
    try:
        for part in encoder.iterencode(value):
            text += part
            if len(text) > _LIST_TEXT_LIMIT:
                return text[:_LIST_TEXT_LIMIT] + "…"
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except TypeError as error:
        raise ValueError("it has a list with a table whose keys are no texts") from error
    return text
