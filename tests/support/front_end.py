"""JupyterLab's side of a kernel, played by a test: the files that its server would write."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from jupyter_mlops.commands.front_end import COMM_TARGET, KernelFiles


def new_client() -> str:
    """Return an id as JupyterLab makes them."""
    return str(uuid.uuid4())


@dataclass
class FrontEnd:
    """Registers clients of one kernel, and answers what they are asked."""

    files: KernelFiles
    asked: list[dict[str, str]] = field(default_factory=list)
    """The data of each comm that was opened, in order."""
    _registered: int = 0

    def register(self, notebook: Path, client: str | None = None) -> str:
        """Say that a client shows ``notebook``, later than those before it; return its id."""
        client = client or new_client()
        self.write(self.files.client(client), {"path": str(notebook)})
        self._registered += 1
        moment_ns = 1_700_000_000_000_000_000 + self._registered
        os.utime(self.files.client(client), ns=(moment_ns, moment_ns))
        return client

    def answer(self, state: str, notebook: Path, why: str | None = None) -> None:
        """Say how far the save is that was asked for last."""
        told = {"path": str(notebook), "state": state, "why": why}
        self.write(self.files.save(self.asked[-1]["request"]), told)

    def write(self, path: Path, content: object) -> None:
        """Write a file as the server does: whole, and for its user alone."""
        staged = path.with_name(f".{path.name}.new")
        staged.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        staged.chmod(0o600)
        staged.replace(path)

    def clients(self) -> list[str]:
        """Return the ids of the clients that are registered, sorted."""
        return self._ids(self.files.client(""))

    def requests(self) -> list[str]:
        """Return the ids of the requests that have a file, sorted."""
        return self._ids(self.files.save(""))

    def hear(self, content: dict[str, object]) -> bool:
        """Note what a ``comm_open`` asks; return whether it is one that asks for a save."""
        data = content["data"]
        if content["target_name"] != COMM_TARGET or not isinstance(data, dict):
            return False
        self.asked.append(data)
        return True

    def _ids(self, empty: Path) -> list[str]:
        found = self.files.folder.glob(f"{empty.stem}*.json")
        return sorted(path.stem.removeprefix(empty.stem) for path in found)
