"""The rows of tables in two states, as far as they can be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from jupyter_mlops.commands.data_files import TrackedData
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.explain.rows import RowChanges, compare_rows
from jupyter_mlops.explain.table_files import TABLE_LIMIT_BYTES
from jupyter_mlops.snapshots.tracked import in_tracked
from jupyter_mlops.units import format_bytes

ROWS_BUDGET_BYTES = 256 * 1024**2
"""How many bytes of tables one comparison reads at most."""


@dataclass(slots=True)
class Findings:
    """What could not be known, as sentences, and how much may still be read of tables.

    ``unrecorded``: of which state nobody wrote down what it ran in.
    """

    unknown: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    bytes_left: int = ROWS_BUDGET_BYTES

    def compare_rows(
        self,
        path: str,
        size_bytes: int,
        read_old: Callable[[], bytes],
        read_new: Callable[[], bytes],
        examples: int = 0,
    ) -> RowChanges | None:
        """Return what became of a table's rows; None, and why, where that cannot be told.

        ``size_bytes`` is that of both states, ``examples`` how many rows of each kind are shown.
        """
        if size_bytes > 2 * TABLE_LIMIT_BYTES or size_bytes > self.bytes_left:
            limit = format_bytes(TABLE_LIMIT_BYTES)
            reason = f"it is larger than {limit}"
            if size_bytes <= 2 * TABLE_LIMIT_BYTES:
                reason = f"{format_bytes(ROWS_BUDGET_BYTES)} of tables were read before it"
            self.unknown.append(f"The rows of {path} were not compared: {reason}.")
            return None
        self.bytes_left -= size_bytes
        try:
            return compare_rows(path, read_old(), read_new(), examples)
        except ValueError as error:
            self.unknown.append(f"The rows of {path} were not compared: one version {error}.")
        except MlopsError as error:
            lacks = error.code == "content-missing"
            reason = "The store here lacks a version of it." if lacks else error.message
            self.unknown.append(f"The rows of {path} were not compared. {reason}")
        return None


def compare_tables(
    path: str,
    before: TrackedData,
    after: TrackedData,
    names: Iterable[str],
    findings: Findings,
    examples: int = 0,
) -> dict[str, RowChanges]:
    """Return what became of the rows of the tables ``names`` of a tracked path, by their names.

    Those that cannot be compared are left out, and go to ``findings``.
    """
    if before.read is None or after.read is None:
        return {}
    old, new = before.entries(), after.entries()
    compared = {
        name: findings.compare_rows(
            in_tracked(path, name),
            old[name].size_bytes + new[name].size_bytes,
            partial(before.read, name, old[name]),
            partial(after.read, name, new[name]),
            examples,
        )
        for name in names
    }
    return {name: rows for name, rows in compared.items() if rows is not None}
