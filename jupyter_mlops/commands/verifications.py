"""What came of running notebooks of a revision again; docs/formats/verification.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from jupyter_mlops.files.durable import clear_staging, iter_names, make_folder, remove, write_atomic
from jupyter_mlops.files.own import read_own_file
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.notebooks.verdict import VerdictWord

FORMAT = 0
REPLAYED = (VerdictWord.VERIFIED, VerdictWord.FAILED_REPLAY)
"""What may come of a replay."""

_KEPT = 4096
_LIMIT_BYTES = 1024**2
_NAME_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Verification:
    """One replay of the notebook ``path``; ``why`` is the sentence that says what came of it.

    ``state`` is what was run: the full id of a commit, or the id of a snapshot.
    """

    state: str
    path: str
    word: VerdictWord
    why: str
    replayed_at: datetime


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    state: str
    path: str
    word: VerdictWord
    why: str
    replayed_at: datetime


def write_verification(repo: Repository, verification: Verification) -> None:
    """Keep what came of a replay, in place of what came of an earlier one; durable on return.

    Raises:
        UnavailableError: the disk did not take it.
    """
    folder = repo.store_dir / "verifications"
    make_folder(folder)
    clear_staging(folder)
    told = _File(
        FORMAT,
        verification.state,
        verification.path,
        verification.word,
        verification.why,
        verification.replayed_at,
    )
    name = _name(verification.state, verification.path)
    write_atomic(folder / name, msgspec.json.encode(told))
    names = list(iter_names(folder))
    for old in names[: max(0, len(names) - _KEPT)]:
        if old != name:
            remove(folder / old)


def read_verification(repo: Repository, state: str, path: str) -> Verification | None:
    """Return what came of the last replay of a notebook of ``state``, None where nothing did.

    A file that is not as it should be, or is another user's, counts as not there.
    """
    file = read_own_file(repo.store_dir / "verifications" / _name(state, path), _LIMIT_BYTES)
    if file is None:
        return None
    try:
        told = msgspec.json.decode(file.content, type=_File)
    except (ValueError, RecursionError):
        return None
    if (told.format, told.state, told.path) != (FORMAT, state, path):
        return None
    if told.replayed_at.tzinfo is None or told.word not in REPLAYED:
        return None
    return Verification(told.state, told.path, told.word, told.why, told.replayed_at)


def _name(state: str, path: str) -> str:
    digits = hash_bytes(path.encode("utf-8", "surrogateescape")).hex()[:_NAME_DIGITS]
    return f"{state}-{digits}.json"
