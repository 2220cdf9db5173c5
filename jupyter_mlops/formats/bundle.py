"""The header of a Git bundle that holds one snapshot; docs/formats/remote.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jupyter_mlops.errors import IntegrityError

MAX_HEADER_BYTES = 1 << 20
"""The most that a header may have: about ten thousand commits that the reader must have."""

_HEADERS = {"sha1": b"# v2 git bundle\n", "sha256": b"# v3 git bundle\n@object-format=sha256\n"}
_OID = {"sha1": r"[0-9a-f]{40}", "sha256": r"[0-9a-f]{64}"}
_COUNT_OFFSET = 8
_PACK_HEADER_BYTES = 12


@dataclass(frozen=True, slots=True)
class BundleHeader:
    """What a bundle says of itself.

    ``commit`` is the one that it brings, ``needed`` are those that the reader must have.
    ``pack_offset`` is where its pack begins, ``objects_count`` how many objects that claims.
    """

    commit: str
    needed: tuple[str, ...]
    pack_offset: int
    objects_count: int


def decode_bundle_header(data: bytes, *, ref: str, object_format: str, origin: str) -> BundleHeader:
    """Return the header with which ``data``, the beginning of a bundle, begins.

    Args:
        data: at least :data:`MAX_HEADER_BYTES` and 12 bytes of it, or all.
        ref: the one reference that it may bring.
        object_format: ``sha1`` or ``sha256``.
        origin: names it in errors.

    Raises:
        IntegrityError: it is no bundle of that one reference (code ``bundle-invalid``).
    """
    start = _HEADERS[object_format]
    if not data.startswith(start):
        raise bundle_invalid(origin, f"it is not a bundle of a {object_format} repository")
    end = data.find(b"\n\n", len(start) - 1, MAX_HEADER_BYTES)
    if end < 0:
        raise bundle_invalid(origin, "its header has no end")
    lines = data[len(start) : end].decode("utf-8", "surrogateescape").split("\n")
    oid = _OID[object_format]
    needed = []
    for line in lines[:-1]:
        matched = re.fullmatch(rf"-({oid})(?: .*)?", line)
        if matched is None:
            raise bundle_invalid(
                origin, "it brings more than one reference, or says something unknown"
            )
        needed.append(matched[1])
    brought = re.fullmatch(rf"({oid}) (.+)", lines[-1])
    if brought is None or brought[2] != ref:
        raise bundle_invalid(origin, f"it does not bring {ref}")
    pack = data[end + 2 : end + 2 + _PACK_HEADER_BYTES]
    if len(pack) < _PACK_HEADER_BYTES or pack[:_COUNT_OFFSET] != b"PACK\0\0\0\2":
        raise bundle_invalid(origin, "its pack is none")
    count = int.from_bytes(pack[_COUNT_OFFSET:])
    return BundleHeader(brought[1], tuple(needed), end + 2, count)


def bundle_invalid(origin: str, reason: str) -> IntegrityError:
    """Return the error for a bundle that is refused for ``reason``; ``origin`` names it."""
    return IntegrityError(
        f"The bundle {origin} is refused: {reason}.",
        code="bundle-invalid",
        hints=("jupyter mlops push --snapshots ID   (in a clone that has the snapshot)",),
    )
