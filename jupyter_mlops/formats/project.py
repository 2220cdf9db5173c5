"""``mlops.toml``: what a project says of itself; docs/formats/project.md."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import NoReturn, TypeVar, get_args

from jupyter_mlops.config import (
    CONFIG_NAME,
    Better,
    ChecksConfig,
    Config,
    GateConfig,
    HooksConfig,
    MetricsConfig,
    NotebooksConfig,
    ParamsConfig,
    PlotConfig,
    ProductionConfig,
    RemoteConfig,
    ReportConfig,
    SnapshotConfig,
    Template,
)
from jupyter_mlops.errors import UsageError
from jupyter_mlops.formats.names import check_name, show
from jupyter_mlops.formats.pattern import parse_pattern
from jupyter_mlops.formats.toml import parse_toml
from jupyter_mlops.units import parse_bytes

MAX_CONFIG_BYTES = 1024**2
MAX_PATTERNS = 100
MAX_PATTERN_LENGTH = 1000

_REMOTE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PASSWORD = re.compile(r"://[^/?#@]*:[^/?#@]*@")
_DRIVE = re.compile(r"[A-Za-z]:")
_TABLES = (
    "checks",
    "gate",
    "hooks",
    "metrics",
    "notebooks",
    "params",
    "plot",
    "production",
    "remotes",
    "report",
    "snapshot",
)
_PLOT_KEYS = tuple(sorted(one.name for one in fields(PlotConfig)))
_TEMPLATES: tuple[Template, ...] = get_args(Template)
_T = TypeVar("_T")


class _Invalid(ValueError):
    """Which key is wrong, and why."""


def parse_config(data: bytes, *, origin: str = CONFIG_NAME) -> Config:
    """Return what the text of a project's ``mlops.toml`` says; ``origin`` names it in errors.

    Raises:
        UsageError: it is not TOML, has a key that is not known, or a value that is not allowed
            (code ``config-invalid``).
    """
    if len(data) > MAX_CONFIG_BYTES:
        _refuse(origin, f"it is larger than {MAX_CONFIG_BYTES} bytes")
    try:
        top = parse_toml(data.decode())
    except UnicodeDecodeError:
        _refuse(origin, "it is not UTF-8 text")
    except ValueError as error:
        _refuse(origin, f"it is {error}")
    try:
        return _config(top)
    except _Invalid as error:
        _refuse(origin, str(error))


def default_config_text() -> str:
    """Return what ``init`` writes: every default, as comments; it parses to ``Config()``."""
    return _DEFAULT_TEXT


_DEFAULT_TEXT = """\
# This folder is a jupyter-mlops project. Everything here is optional; what is shown is the default.

[metrics]
# files = ["metrics/**/*.json"]
# dvc = true                   # the files that DVC and DVCLive have metrics in count as well
# better = { "val_loss" = "lower" }

[params]
# files = ["params/**/*.json"]
# dvc = true

[notebooks]
# keep_outputs = true
# output_limit = "10 MiB"      # a larger output is not kept in the store

[snapshot]
# file_limit = "10 MiB"        # larger files that Git does not track stay out of a snapshot
# untracked_limit = "100 MiB"  # all files that Git does not track, together
# run_file_limit = "1 GiB"     # larger files that a run kept stay out of a snapshot

[hooks]
# restore_limit = "1 GiB"      # more than this is not restored after a switch without being asked
# big_file = "5 MiB"           # committing a larger file to Git warns

[checks]
# ignore = []                  # rules that do not count: jupyter mlops check-notebooks
# output_tolerance = 0.001     # by what part of itself a number in an output may differ
"""


def _config(top: Mapping[str, object]) -> Config:
    _check_keys("", top, _TABLES)
    default_remote, remotes = _remotes(_table(top, "remotes"))
    metrics = _table(top, "metrics")
    _check_keys("metrics", metrics, ("better", "dvc", "files"))
    params = _table(top, "params")
    _check_keys("params", params, ("dvc", "files"))
    notebooks = _table(top, "notebooks")
    _check_keys("notebooks", notebooks, ("keep_outputs", "output_limit"))
    snapshot = _table(top, "snapshot")
    _check_keys("snapshot", snapshot, ("file_limit", "run_file_limit", "untracked_limit"))
    hooks = _table(top, "hooks")
    _check_keys("hooks", hooks, ("big_file", "restore_limit"))
    outputs = NotebooksConfig()
    keep = SnapshotConfig()
    limits = HooksConfig()
    return Config(
        default_remote=default_remote,
        remotes=remotes,
        metrics=MetricsConfig(
            files=_read(metrics, "metrics", "files", _patterns, MetricsConfig().files),
            better=_read(metrics, "metrics", "better", _better_by_name, {}),
            dvc=_read(metrics, "metrics", "dvc", _boolean, True),
        ),
        params=ParamsConfig(
            files=_read(params, "params", "files", _patterns, ParamsConfig().files),
            dvc=_read(params, "params", "dvc", _boolean, True),
        ),
        plots=tuple(_plot(table, number) for number, table in _numbered(top, "plot")),
        gates=tuple(_gate(table, number) for number, table in _numbered(top, "gate")),
        production=_production(_table(top, "production")),
        checks=_checks(_table(top, "checks")),
        report=_report(_table(top, "report")),
        notebooks=NotebooksConfig(
            keep_outputs=_read(notebooks, "notebooks", "keep_outputs", _boolean, True),
            output_limit_bytes=_read(
                notebooks, "notebooks", "output_limit", _size, outputs.output_limit_bytes
            ),
        ),
        snapshot=SnapshotConfig(
            file_limit_bytes=_read(
                snapshot, "snapshot", "file_limit", _size, keep.file_limit_bytes
            ),
            untracked_limit_bytes=_read(
                snapshot, "snapshot", "untracked_limit", _size, keep.untracked_limit_bytes
            ),
            run_file_limit_bytes=_read(
                snapshot, "snapshot", "run_file_limit", _size, keep.run_file_limit_bytes
            ),
        ),
        hooks=HooksConfig(
            restore_limit_bytes=_read(
                hooks, "hooks", "restore_limit", _size, limits.restore_limit_bytes
            ),
            big_file_bytes=_read(hooks, "hooks", "big_file", _size, limits.big_file_bytes),
        ),
    )


def _remotes(table: Mapping[str, object]) -> tuple[str | None, dict[str, RemoteConfig]]:
    remotes: dict[str, RemoteConfig] = {}
    for name in sorted(table.keys() - {"default"}):
        if not _REMOTE_NAME.fullmatch(name):
            raise _Invalid(
                f"the remote name {show(name)} may hold letters, digits, '.', '_' and '-' only"
            )
        where = f"remotes.{name}"
        remote = _table(table, name, where)
        _check_keys(where, remote, ("url",))
        if "url" not in remote:
            raise _Invalid(f"[{where}] has no url")
        remotes[name] = RemoteConfig(url=_read(remote, where, "url", _url, ""))
    default = _read(table, "remotes", "default", _text, None)
    if default is not None and default not in remotes:
        raise _Invalid(f"default in [remotes] names {show(default)}, which is not among them")
    return default, remotes


def _plot(table: Mapping[str, object], number: int) -> PlotConfig:
    where = f"plot {number}"
    _check_keys(where, table, _PLOT_KEYS)
    if "file" in table and "run" in table:
        raise _Invalid(f"[[plot]] {number} has both file and run")
    if "file" not in table and "run" not in table:
        raise _Invalid(f"[[plot]] {number} has neither file nor run")
    if "metric" in table and "run" not in table:
        raise _Invalid(f"[[plot]] {number} has a metric and no run")
    return PlotConfig(
        file=_read(table, where, "file", _pattern, None),
        run=_read(table, where, "run", _run, None),
        metric=_read(table, where, "metric", _text, None),
        key=_read(table, where, "key", _text, None),
        x=_read(table, where, "x", _text, None),
        y=_read(table, where, "y", _columns, ()),
        template=_read(table, where, "template", _template, None),
        title=_read(table, where, "title", _text, None),
        x_label=_read(table, where, "x_label", _text, None),
        y_label=_read(table, where, "y_label", _text, None),
        positive=_read(table, where, "positive", _text, None),
    )


def _gate(table: Mapping[str, object], number: int) -> GateConfig:
    where = f"gate {number}"
    keys = ("against", "better", "max", "metric", "min", "ratchet", "tolerance")
    _check_keys(where, table, keys)
    if "metric" not in table:
        raise _Invalid(f"[[gate]] {number} has no metric")
    return GateConfig(
        metric=_read(table, where, "metric", _text, ""),
        better=_read(table, where, "better", _better, None),
        min=_read(table, where, "min", _number, None),
        max=_read(table, where, "max", _number, None),
        against=_read(table, where, "against", _text, None),
        tolerance=_read(table, where, "tolerance", _tolerance, None),
        ratchet=_read(table, where, "ratchet", _boolean, False),
    )


def _production(table: Mapping[str, object]) -> ProductionConfig:
    keys = ("file", "ref", "url")
    _check_keys("production", table, keys)
    if len(table) > 1:
        raise _Invalid(f"[production] says several places; one of {', '.join(keys)} is enough")
    return ProductionConfig(
        ref=_read(table, "production", "ref", _text, None),
        url=_read(table, "production", "url", _url, None),
        file=_read(table, "production", "file", _path, None),
    )


def _checks(table: Mapping[str, object]) -> ChecksConfig:
    keys = ("ignore", "kernel", "output_tolerance", "select", "timeout")
    _check_keys("checks", table, keys)
    default = ChecksConfig()
    return ChecksConfig(
        select=_read(table, "checks", "select", _texts, ()),
        ignore=_read(table, "checks", "ignore", _texts, ()),
        output_tolerance=_read(
            table, "checks", "output_tolerance", _part, default.output_tolerance
        ),
        timeout_seconds=_read(table, "checks", "timeout", _seconds, None),
        kernel=_read(table, "checks", "kernel", _text, None),
    )


def _report(table: Mapping[str, object]) -> ReportConfig:
    _check_keys("report", table, ("sections",))
    return ReportConfig(_read(table, "report", "sections", _paths, ()))


def _check_keys(where: str, table: Mapping[str, object], allowed: tuple[str, ...]) -> None:
    for key in table:
        if key not in allowed:
            place = f"[{where}] has" if where else "it has"
            raise _Invalid(f"{place} the unknown key {show(key)}; allowed: {', '.join(allowed)}")


def _table(parent: Mapping[str, object], key: str, where: str | None = None) -> dict[str, object]:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise _Invalid(f"{where or key} is a table: write [{where or key}]")
    return value


def _numbered(top: Mapping[str, object], key: str) -> list[tuple[int, dict[str, object]]]:
    value = top.get(key, [])
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise _Invalid(f"{key} is a list of tables: write [[{key}]]")
    return list(enumerate(value, 1))


def _read(
    table: Mapping[str, object],
    where: str,
    key: str,
    convert: Callable[[object], _T],
    default: _T,
) -> _T:
    if key not in table:
        return default
    try:
        return convert(table[key])
    except ValueError as error:
        raise _Invalid(f"{key} in [{where}] {error}") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or _CONTROL.search(value):
        raise ValueError(f"is {show(value)}; it must be text, on one line, not empty")
    return value


def _columns(value: object) -> tuple[str, ...]:
    """Return one text, or a list of them, as several."""
    if not isinstance(value, list):
        return (_text(value),)
    if not value:
        raise ValueError(f"is {show(value)}; it must name a column")
    if len(value) > MAX_PATTERNS:
        raise ValueError(f"has {len(value)} names; allowed are {MAX_PATTERNS}")
    return tuple(_text(one) for one in value)


def _run(value: object) -> str:
    text = _text(value)
    try:
        check_name(text)
    except ValueError as error:
        raise ValueError(f"is {show(text)}; {error}") from None
    return text


def _template(value: object) -> Template:
    for template in _TEMPLATES:
        if value == template:
            return template
    raise ValueError(f"is {show(value)}; allowed: {', '.join(_TEMPLATES)}")


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is {show(value)}; it must be true or false")
    return value


def _size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f'is {show(value)}; write a size such as "10 MiB" or a number of bytes')
    try:
        return parse_bytes(value)
    except ValueError as error:
        raise ValueError(f"is {error}") from None


def _number(value: object) -> float:
    if not isinstance(value, bool) and isinstance(value, int | float):
        with suppress(OverflowError):
            if math.isfinite(number := float(value)):
                return number
    raise ValueError(f"is {show(value)}; it must be a number")


def _part(value: object) -> float:
    part = _number(value)
    if not 0 <= part <= 1:
        raise ValueError(f"is {show(value)}; it must be a part of one, from 0 to 1")
    return part


def _seconds(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**7:
        raise ValueError(f"is {show(value)}; it must be a whole number of seconds")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_PATTERNS:
        raise ValueError(f"is {show(value)}; it must be a list of at most {MAX_PATTERNS} texts")
    return tuple(_text(text) for text in value)


def _paths(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_PATTERNS:
        raise ValueError(f"is {show(value)}; it must be a list of at most {MAX_PATTERNS} paths")
    return tuple(_path(one) for one in value)


def _tolerance(value: object) -> float | str:
    return _text(value) if isinstance(value, str) else _number(value)


def _better(value: object) -> Better:
    if value == "higher":
        return "higher"
    if value == "lower":
        return "lower"
    raise ValueError(f"is {show(value)}; allowed: higher, lower")


def _better_by_name(value: object) -> dict[str, Better]:
    if not isinstance(value, dict):
        raise ValueError("is no table of metric names and 'higher' or 'lower'")
    return {name: _better(better) for name, better in value.items()}


def _path(value: object) -> str:
    text = _text(value)
    parts = text.split("/")
    if text.startswith("/") or "\\" in text or _DRIVE.match(text) or ".." in parts:
        raise ValueError(
            f"is {show(text)}; it must stay inside the project, with '/' between parts"
        )
    return text


def _pattern(value: object) -> str:
    text = _path(value)
    if len(text) > MAX_PATTERN_LENGTH:
        raise ValueError(
            f"has a pattern of {len(text)} characters; allowed are {MAX_PATTERN_LENGTH}"
        )
    try:
        parse_pattern(text)
    except ValueError as error:
        raise ValueError(f"is {show(text)}; {error}") from None
    return text


def _patterns(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"is {show(value)}; it must be a list of file patterns")
    if len(value) > MAX_PATTERNS:
        raise ValueError(f"has {len(value)} patterns; allowed are {MAX_PATTERNS}")
    return tuple(_pattern(pattern) for pattern in value)


def _url(value: object) -> str:
    text = _text(value)
    if _PASSWORD.search(text):
        raise ValueError("holds a password; credentials never stand in this file")
    return text


def _refuse(origin: str, reason: str) -> NoReturn:
    raise UsageError(
        f"The project file {origin} is not valid: {reason}.",
        code="config-invalid",
        hints=(f"Correct {origin}; its keys are described in docs/formats/project.md.",),
    )
