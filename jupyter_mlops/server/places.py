"""Where requests may lead: the folder that the server shows, with all symbolic links followed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from jupyter_mlops.commands.signature import Parameter, read_signature
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.git.repository import Repository, open_repository


def resolve_root(shown: str) -> Path:
    """Return the folder that the server shows, absolute and without symbolic links."""
    return Path(os.path.realpath(os.path.expanduser(shown)))


def resolve_inside(root: Path, folder: Path, text: str) -> Path:
    """Return what the path ``text``, relative to ``folder``, leads to; it need not exist.

    Raises:
        UsageError: it is absolute, leaves ``root`` at its end, or holds a NUL character.
    """
    if "\0" in text:
        raise UsageError("A name holds a NUL character, which no file can.", code="nul")
    if not os.path.isabs(text) and not os.path.splitdrive(text)[0]:
        found = Path(os.path.realpath(folder / text))
        if found.is_relative_to(root):
            return found
    raise UsageError(
        "A path leads out of the folder that the server shows.",
        code="path-outside-root",
        hints=("Start JupyterLab in a folder further up.",),
    )


def resolve_folder(root: Path, at: str) -> Path:
    """Return the folder that a request names, relative to ``root`` and with ``/``.

    Raises:
        UsageError: as :func:`resolve_inside`.
        NotFoundError: there is no such folder.
    """
    found = resolve_inside(root, root, at)
    if not found.is_dir():
        raise NotFoundError("There is no such folder.", code="folder-not-found")
    return found


def find_project(root: Path, folder: Path) -> Repository:
    """Return the Git project that ``folder`` is in.

    Raises:
        NotFoundError: it is in none.
        UsageError: the project is not beneath ``root``.
        MlopsError: Git refuses, as ``open_repository`` says.
    """
    repository = open_repository(folder)
    if not Path(os.path.realpath(repository.root)).is_relative_to(root):
        raise UsageError(
            "The project begins above the folder that the server shows.",
            code="project-outside-root",
            hints=("Start JupyterLab in the project's own folder.",),
        )
    return repository


def relative_to_root(root: Path, folder: Path) -> str:
    """Return ``folder`` relative to ``root`` with ``/``; empty for ``root`` itself."""
    relative = Path(os.path.realpath(folder)).relative_to(root).as_posix()
    return "" if relative == "." else relative


def check_paths(
    root: Path, folder: Path, command: Command, arguments: Mapping[str, object]
) -> None:
    """Look at every argument that names a file or folder; they are relative to ``folder``.

    Raises:
        UsageError: as :func:`resolve_inside`.
    """
    for parameter in read_signature(command).parameters:
        if _names_a_path(parameter):
            for text in _texts(arguments.get(parameter.name)):
                resolve_inside(root, folder, text)


def _names_a_path(parameter: Parameter) -> bool:
    kinds = {parameter.arg.complete, parameter.arg.complete_rest}
    return parameter.base is Path or bool(kinds & {"path", "tracked"})


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, tuple):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str | Path):
        yield str(value)
