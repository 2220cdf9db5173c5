"""The command ``remote add``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tomlkit

from jupyter_mlops.commands.remote import known_places
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.config import CONFIG_NAME
from jupyter_mlops.document import Document, Hint, Note
from jupyter_mlops.errors import ConflictError
from jupyter_mlops.files.durable import make_folder
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Mode
from jupyter_mlops.formats.project import parse_config
from jupyter_mlops.storage.url import parse_url


@dataclass(frozen=True, slots=True)
class RemoteAddResult:
    """The remote that ``mlops.toml`` has now, and whether it is the default."""

    name: str
    url: str
    is_default: bool

    def describe(self) -> Document:
        """Return what was added, and what comes next."""
        default = ", the default" if self.is_default else ""
        return Document(
            (
                Note(f"Added the remote {self.name} at {self.url}{default}.", "good"),
                Hint("Try it", f"jupyter mlops remote test {self.name}"),
                Hint("Let colleagues have it", f"git commit -m 'Name the remote' -- {CONFIG_NAME}"),
                Hint("Send what this branch needs", "jupyter mlops push"),
            )
        )


def remote_add(
    ws: Workspace,
    name: Annotated[str, Arg("What the remote is called here.", metavar="NAME")],
    url: Annotated[
        str, Arg("A folder, or s3://, gs://, az://, ssh://, https://, webdav+https://.")
    ],
) -> RemoteAddResult:
    """Name another store, to push to and to pull from.

    The first one is the default. A folder, which may be ./… or ../…, is made where there is none,
    but not those above it. Credentials never stand in the URL: they are found where the provider's
    own tools have them, or in this clone's git config under mlops.remote.NAME.
    """
    where = parse_url(_from_here(ws.cwd, url))
    if name in ws.config.remotes:
        raise ConflictError(
            f"There is a remote {name} already, at {ws.config.remotes[name].url}.",
            code="name-taken",
            hints=(f"jupyter mlops remote remove {name}",),
        )
    is_default = not ws.config.remotes
    tree = WorkTree(ws.root)
    document = tomlkit.parse(tree.read(CONFIG_NAME).decode())
    remotes = document.setdefault("remotes", tomlkit.table())
    if is_default:
        remotes["default"] = name
    remote = tomlkit.table()
    remote["url"] = where.text
    remotes[name] = remote
    encoded = tomlkit.dumps(document).encode()
    parse_config(encoded)
    tree.write_file(CONFIG_NAME, encoded, Mode.FILE)
    if where.kind == "file" and Path(where.path).parent.is_dir():
        make_folder(Path(where.path))
    known_places().add(where.text)
    return RemoteAddResult(name, where.text, is_default)


def _from_here(cwd: Path, url: str) -> str:
    """Return ``url``, made absolute where it is a folder from here on."""
    return os.path.abspath(cwd / url) if url.startswith(("./", "../")) else url
