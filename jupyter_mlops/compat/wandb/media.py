"""What W&B's scripts log beside numbers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from jupyter_mlops.compat.stand_in import StandIn, guarded, tell_once, unsupported

_MAX_BINS = 512


class Image:
    """An image: a path, an array, a Pillow image or a figure."""

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Any = None,
        boxes: Any = None,
        masks: Any = None,
        file_type: str | None = None,
    ) -> None:
        self.image: Any = data_or_path.image if isinstance(data_or_path, Image) else data_or_path
        self.caption = caption
        if boxes or masks:
            tell_once("Boxes and masks of wandb.Image are not kept; the image is.")


class Html:
    """A page, or a part of one: as text, as a path, or as an open file."""

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        self.html = ""
        if hasattr(data, "read"):
            self.html = str(data.read())
        elif not data_is_not_path and _is_file(data):
            self.html = Path(data).read_text("utf-8", "replace")
        else:
            self.html = str(data)


def _is_file(data: Any) -> bool:
    try:
        return os.path.isfile(data)
    except (TypeError, ValueError):
        return False


class Histogram:
    """How often values occur, in bins of one width."""

    MAX_LENGTH = _MAX_BINS

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64) -> None:
        self.histogram: list[float] = []
        self.bins: list[float] = []
        self._count(sequence, np_histogram, num_bins)

    @guarded
    def _count(self, sequence: Any, np_histogram: Any, num_bins: int) -> None:
        if np_histogram is not None:
            self.histogram = [float(count) for count in np_histogram[0]]
            self.bins = [float(edge) for edge in np_histogram[1]]
        else:
            values = [float(one) for one in _flat(sequence)]
            self.histogram, self.bins = _count(values, max(1, min(int(num_bins), _MAX_BINS)))

    def rows(self) -> list[dict[str, float]]:
        """Return a row a bin."""
        return [
            {"from": start, "to": end, "count": count}
            for start, end, count in zip(self.bins, self.bins[1:], self.histogram, strict=False)
        ]


def _flat(sequence: Any) -> Iterator[Any]:
    for one in sequence:
        plain = one.tolist() if hasattr(one, "tolist") else one
        if isinstance(plain, list | tuple):
            yield from _flat(plain)
        else:
            yield plain


def _count(values: Sequence[float], bins: int) -> tuple[list[float], list[float]]:
    finite = [one for one in values if one - one == 0]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / bins
    counts = [0.0] * bins
    for one in finite:
        counts[min(int((one - low) / width), bins - 1)] += 1
    return counts, [low + width * at for at in range(bins)] + [high]


class Table:
    """A table, by rows; a cell that is no number, text or truth is kept as text."""

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: Any = True,
        allow_mixed_types: bool = False,
        log_mode: str | None = "IMMUTABLE",
    ) -> None:
        self.columns: list[str] = []
        self.data: list[list[Any]] = []
        given = dataframe if dataframe is not None else data if data is not None else rows
        self._fill(columns, given)

    @guarded
    def _fill(self, columns: Sequence[Any] | None, given: Any) -> None:
        if hasattr(given, "columns") and hasattr(given, "itertuples"):
            self.columns = [str(name) for name in given.columns]
            self.data = [list(row) for row in given.itertuples(index=False)]
            return
        if columns is not None:
            self.columns = [str(name) for name in columns]
        self.data = [list(row) for row in (given if given is not None else ())]
        if columns is None:
            width = max(map(len, self.data), default=0)
            default = range(width) if self.data else ("Input", "Output", "Expected")
            self.columns = [str(name) for name in default]

    @guarded
    def add_data(self, *data: Any) -> None:
        """Add a row."""
        self.data.append(list(data))

    add_row = add_data

    @guarded
    def add_column(self, name: str, data: Any, optional: bool = False) -> None:
        """Add a column."""
        self.columns.append(str(name))
        values = list(data)
        if not self.data:
            self.data = [[] for _ in values]
        for row, value in zip(self.data, values, strict=False):
            row.append(value)

    @guarded
    def get_column(self, name: str, convert_to: str | None = None) -> list[Any]:
        """Return the values of a column."""
        place = self.columns.index(str(name))
        return [row[place] for row in self.data]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows by the names of columns."""
        return [
            {name: _plain(value) for name, value in zip(self.columns, row, strict=False)}
            for row in self.data
        ]


def _plain(value: Any) -> Any:
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        value = item()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


class Artifact:
    """Files under one name, of which the run keeps copies when it is logged."""

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,
        digest_algorithm: str = "MD5",
    ) -> None:
        self.name = name
        self.type = type
        self.description = description
        self.metadata: Any = metadata if metadata is not None else {}
        self.aliases: list[str] = []
        self.tags: list[str] = []
        self.files: list[tuple[str, str]] = []
        self._folders: list[tempfile.TemporaryDirectory[str]] = []

    def __getattr__(self, name: str) -> StandIn:
        if name.startswith("_"):
            raise AttributeError(name)
        return unsupported(f"wandb.Artifact.{name}")

    @guarded
    def add_file(
        self,
        local_path: Any,
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        overwrite: bool = False,
    ) -> None:
        """Add a file."""
        path = os.path.abspath(local_path)
        self.files.append((path, name or os.path.basename(path)))

    @guarded
    def add_dir(
        self,
        local_path: Any,
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: str | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Add a folder."""
        self.files.append((os.path.abspath(local_path), name or ""))

    @guarded
    def add_reference(
        self,
        uri: Any,
        name: Any = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> list[Any]:
        """Tell that data of other places is recorded by another command."""
        unsupported("wandb.Artifact.add_reference", "see jupyter mlops snapshot --external")
        return []

    @contextmanager
    def new_file(
        self,
        name: str,
        mode: str = "x",
        encoding: str | None = None,
        policy: str | None = "mutable",
    ) -> Iterator[IO[Any]]:
        """Open a new file to be written, which is added to the artifact."""
        folder = tempfile.TemporaryDirectory(prefix="mlops-artifact-")
        self._folders.append(folder)
        path = Path(folder.name, os.path.basename(name))
        with path.open(mode, encoding=None if "b" in mode else encoding or "utf-8") as file:
            yield file
        self.files.append((str(path), name))

    def wait(self, timeout: int | None = None) -> Artifact:
        """Return the artifact: nothing has to be waited for."""
        return self
