"""The command ``remote remove``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tomlkit

from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.document import Document, Note
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.sync.places import choose_remote


@dataclass(frozen=True, slots=True)
class RemoteRemoveResult:
    """The remote that ``mlops.toml`` no longer has; what it holds stays there."""

    name: str
    url: str

    def describe(self) -> Document:
        """Return what was removed."""
        text = f"Removed the remote {self.name}; what is at {self.url} stays there."
        return Document((Note(text, "good"),))


def remote_remove(
    ws: Workspace,
    name: Annotated[str, Arg("Its name in mlops.toml.", metavar="NAME")],
) -> RemoteRemoveResult:
    """Forget a remote of the project; what it holds stays there."""
    named = choose_remote(ws, name)
    tree = WorkTree(ws.root)
    document = tomlkit.parse(tree.read(CONFIG_NAME).decode())
    remotes = document["remotes"]
    del remotes[name]
    if remotes.get("default") == name:
        del remotes["default"]
    tree.write_file(CONFIG_NAME, tomlkit.dumps(document).encode(), Mode.FILE)
    return RemoteRemoveResult(name, named.url)
