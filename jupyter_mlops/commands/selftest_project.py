"""The project that ``selftest`` makes for itself, to be killed, damaged and hurried in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec

from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.restore import restore
from jupyter_mlops.commands.snapshot import snapshot
from jupyter_mlops.commands.workspace import Here, Workspace, open_here, open_workspace
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.durable import STAGED_PREFIX, make_folder
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.git.config import ALTERNATES, SHARED_STORE, write_setting
from jupyter_mlops.git.process import run_git, run_git_in
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.objects.reader import read_file
from jupyter_mlops.snapshots.content import read_entries
from jupyter_mlops.snapshots.listing import list_snapshots, resolve_revision
from jupyter_mlops.snapshots.tracked import read_tree_pointers

PARTS = ("data", "features", "models")
"""The folders that are tracked."""

_SIZES = (0, 10, 3_000, 40_000, 300_000)
_BIG_BYTES = 1_500_000
_FILES_EACH = 8

State = Mapping[str, Hash]
"""The hash of each file's bytes, by path."""


@dataclass
class TrialProject:
    """A project with data, and the state that each of its snapshots must give back."""

    here: Here
    root: Path
    random: Random
    known: dict[str, State] = field(default_factory=dict)

    def open(self) -> Workspace:
        """Open it anew, as a command does."""
        return open_workspace(self.root, clock=self.here.clock)

    def state(self) -> dict[str, Hash]:
        """Return what the files of the tracked folders are now."""
        found = {}
        for part in PARTS:
            for path in sorted((self.root / part).rglob("*")):
                if path.is_file():
                    name = path.relative_to(self.root).as_posix()
                    found[name] = hash_bytes(path.read_bytes())
        return found

    def edit(self, parts: tuple[str, ...] = PARTS) -> None:
        """Change, add and delete some files, as people and programs do."""
        for _ in range(self.random.randint(1, 4)):
            folder = self.root / self.random.choice(parts)
            number = self.random.randrange(2 * _FILES_EACH)
            path = folder / f"sub{number % 3}" / f"{number}.bin"
            if path.exists() and self.random.random() < 0.2:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.random.randbytes(self.random.choice(_SIZES)))
        big = self.root / parts[0] / "big.bin"
        if big.exists() and self.random.random() < 0.3:
            with open(big, "r+b") as file:
                file.seek(self.random.randrange(_BIG_BYTES))
                file.write(self.random.randbytes(1000))

    def keep(self) -> str:
        """Take a snapshot in this process; return its id."""
        taken = snapshot(self.open(), PARTS if not self.known else (), keep_mine=True)
        self.known[taken.id] = self.state()
        return taken.id

    def bring_back(self, id: str) -> None:
        """Restore a snapshot in this process."""
        restore(self.open(), id)

    def read_snapshot(self, id: str) -> State:
        """Read all that a snapshot keeps, each byte verified, without touching the files.

        Raises:
            MlopsError: it cannot be read whole.
        """
        ws = self.open()
        commit = resolve_revision(ws.git, id)
        found = {}
        for path, pointer in read_tree_pointers(open_tree(ws.git, commit)).items():
            for name, entry in read_entries(ws.store, pointer).items():
                if entry.mode is not Mode.FOLDER:
                    content = read_file(ws.store, entry)
                    found[f"{path}/{name}"] = hash_bytes(content)
        return found

    def sample(self) -> list[str]:
        """Return the ids of a few snapshots, the newest among them."""
        ids = list(self.known)
        return [ids[-1], *self.random.sample(ids[:-1], min(2, len(ids) - 1))]

    def keeps_all(self, state: State) -> bool:
        """Return whether the content of each file of ``state`` is in some snapshot."""
        wanted = set(state.values())
        for kept in self.known.values():
            wanted -= set(kept.values())
        for listed in list_snapshots(self.open().git):
            if not wanted:
                break
            if listed.id not in self.known:
                with suppress(MlopsError):
                    wanted -= set(self.read_snapshot(listed.id).values())
        return not wanted

    def gives_back(self, id: str) -> bool:
        """Return whether a snapshot still has what it must have."""
        try:
            return self.read_snapshot(id) == self.known[id]
        except MlopsError:
            return False

    def leftovers(self) -> list[Path]:
        """Return temporary files and locks that outlived their command."""
        return [
            path
            for path in self.root.rglob("*")
            if path.name.startswith(STAGED_PREFIX) or path.name == "index.lock"
        ]

    def stored_files(self) -> list[Path]:
        """Return the packs and index segments."""
        store = self.open().store.folder
        return sorted([*store.glob("packs/*/*"), *store.glob("index/*")])

    @contextmanager
    def damaged(self, path: Path) -> Iterator[str]:
        """Damage a file of the store for a while; yield what was done to it."""
        content, mode = path.read_bytes(), path.stat().st_mode
        what, changed = self._damage(content)
        path.unlink()
        if changed is not None:
            path.write_bytes(changed)
        try:
            yield what
        finally:
            path.unlink(missing_ok=True)
            path.write_bytes(content)
            path.chmod(mode)

    def _damage(self, content: bytes) -> tuple[str, bytes | None]:
        at = self.random.randrange(len(content))
        flipped = bytes([content[at] ^ (1 << self.random.randrange(8))])
        choices: list[tuple[str, bytes | None]] = [
            ("a flipped bit", content[:at] + flipped + content[at + 1 :]),
            ("a cut end", content[:at]),
            (
                "a zeroed range",
                content[:at] + bytes(min(512, len(content) - at)) + content[at + 512 :],
            ),
            ("a longer file", content + self.random.randbytes(100)),
            ("a deleted file", None),
        ]
        what, changed = self.random.choice(choices)
        return (what, changed) if changed != content else choices[0]


def decode_id(printed: bytes) -> str:
    """Return the id of the snapshot whose result was printed as JSON."""
    decoded = msgspec.json.decode(printed, type=dict[str, object])
    return str(decoded["id"])


@contextmanager
def open_trial(here: Here, folder: Path, random: Random) -> Iterator[TrialProject]:
    """Yield a new project in a folder of its own beneath ``folder``; it is removed at the end."""
    make_folder(folder)
    root = folder / f"mlops-selftest-{os.getpid()}-{random.getrandbits(32):08x}"
    make_folder(root)
    run_git_in(root, "init", "--quiet", "--initial-branch=main")
    repo = open_repository(root)
    write_setting(repo, "user.name", "jupyter-mlops selftest")
    write_setting(repo, "user.email", "selftest@localhost")
    write_setting(repo, "gc.auto", "0")
    for key in (SHARED_STORE, ALTERNATES):  # what it damages is its own
        write_setting(repo, key, "")
    init(open_here(root, clock=here.clock))
    run_git(repo, "add", "--all")
    run_git(repo, "commit", "--quiet", "-m", "Begin")
    project = TrialProject(here, root, random)
    for part in PARTS:
        for number in range(_FILES_EACH):
            path = root / part / f"sub{number % 3}" / f"{number}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(random.randbytes(random.choice(_SIZES)))
    (root / PARTS[0] / "big.bin").write_bytes(random.randbytes(_BIG_BYTES))
    project.keep()
    run_git(repo, "commit", "--quiet", "--all", "-m", "First data")
    try:
        yield project
    finally:
        shutil.rmtree(root, ignore_errors=True)
