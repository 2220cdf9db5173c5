"""What a run reads: tracked data, by the hash of its pointer file and its state."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.clock import Clock, SystemClock
from jupyter_mlops.config import Config
from jupyter_mlops.errors import NotFoundError
from jupyter_mlops.formats.run import Uses
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.ids import format_hash, hash_bytes
from jupyter_mlops.objects.store import Store
from jupyter_mlops.progress import NoProgress, Progress
from jupyter_mlops.snapshots.handles import open_project_store
from jupyter_mlops.snapshots.status import read_status
from jupyter_mlops.snapshots.tracked import pointer_path, resolve_path


@dataclass(frozen=True, slots=True)
class _Handles:
    root: Path
    git: Repository
    store: Store
    config: Config
    clock: Clock
    progress: Progress


def find_used(repository: Repository, path: Path, at: float) -> Uses:
    """Return what a run that reads ``path`` uses: the tracked path that it is, or lies in.

    Files of which the stat cache does not know the hash are hashed, as ``status`` does.

    Raises:
        NotFoundError: it is not tracked. MlopsError: as ``status`` raises.
    """
    wanted = resolve_path(repository.root, Path.cwd(), str(path))
    tracked = next((p for p in _upwards(wanted) if _is_tracked(repository.root, p)), None)
    if tracked is None:
        raise NotFoundError(
            f"{wanted} is not tracked.",
            code="path-not-tracked",
            hints=[f"jupyter mlops snapshot {shlex.quote(wanted)}"],
        )
    handles = _Handles(
        repository.root,
        repository,
        open_project_store(repository),
        Config(),
        SystemClock(),
        NoProgress(),
    )
    (status,) = read_status(handles, [tracked])
    return Uses(at, tracked, format_hash(hash_bytes(status.tracked.encoded)), str(status.state))


def _upwards(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]


def _is_tracked(root: Path, path: str) -> bool:
    return (root / pointer_path(path)).is_file()
