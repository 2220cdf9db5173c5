"""The authorities whose certificates are trusted besides the machine's own."""

from __future__ import annotations

from pathlib import Path

from jupyter_mlops.errors import UsageError


def read_authorities(path: Path) -> bytes:
    """Return the PEM text of the setting ``ca-file``.

    Raises:
        UsageError: it cannot be read, or is none; code ``ca-file``.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        reason = error.strerror
    else:
        if b"-----BEGIN CERTIFICATE-----" in text:
            return text
        reason = "it holds no certificate"
    raise UsageError(
        f"The file of authorities {path} is of no use: {reason}.",
        code="ca-file",
        hints=("Set it again: git config mlops.remote.NAME.ca-file FILE",),
    )
