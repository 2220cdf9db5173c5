"""Every exception of the package, ordered by what the caller does next.

Each carries a stable kebab-case ``code``, an exit status, an HTTP status and hints. A hint is a
command that can be typed, or one short sentence. The message is one sentence: what could not be
done, to what, and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from jupyter_mlops.text import visible

__all__ = [
    "ConflictError",
    "IntegrityError",
    "InternalError",
    "MlopsError",
    "NotFoundError",
    "UnavailableError",
    "UnsupportedError",
    "UsageError",
]


class MlopsError(Exception):
    """Base of all errors that a user may see; never raised itself."""

    default_code: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 70
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, code: str | None = None, hints: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hints = tuple(hints)

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints in place of a traceback."""
        lines = [f"\x1b[31m{visible(self.message)}\x1b[0m"]
        lines += [f"  → {visible(hint)}" for hint in self.hints]
        return lines


class UsageError(MlopsError):
    """The command was called wrongly; the caller corrects the call."""

    default_code = "usage"
    exit_status = 2
    http_status = 400


class UnsupportedError(MlopsError):
    """This version cannot do that (yet, or any more).

    The caller upgrades or chooses another way.
    """

    default_code = "unsupported"
    exit_status = 2
    http_status = 400


class NotFoundError(MlopsError):
    """A path, revision or name does not exist."""

    default_code = "not-found"
    exit_status = 3
    http_status = 404


class ConflictError(MlopsError):
    """Refused because something would be overwritten or is stale; the user chooses."""

    default_code = "conflict"
    exit_status = 4
    http_status = 409


class IntegrityError(MlopsError):
    """Bytes are not what their name or their format promises; check and repair."""

    default_code = "damaged"
    exit_status = 5
    http_status = 500


class UnavailableError(MlopsError):
    """A resource (disk, lock, network) cannot be had now; try again."""

    default_code = "unavailable"
    exit_status = 6
    http_status = 503


class InternalError(MlopsError):
    """A defect of this package."""
