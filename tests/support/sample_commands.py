"""Commands of every shape that a signature can have, to test the surfaces with.

``python -m tests.support.sample_commands WORDS`` is a command line of these alone.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from jupyter_mlops.cli.main import main
from jupyter_mlops.commands.spec import Arg, Command
from jupyter_mlops.commands.workspace import Here, Workspace
from jupyter_mlops.document import Bytes, Code, Document, Figure, Hint, Note, Table
from jupyter_mlops.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class Kept:
    """What ``keep`` returns."""

    id: str
    paths: tuple[str, ...]
    message: str | None
    limit: int
    share: float | None
    tags: tuple[str, ...]
    how: str
    dry_run: bool
    links: bool
    root: str
    cells: tuple[str, ...]
    command: tuple[str, ...]
    notebook: str | None

    def describe(self) -> Document:
        rows = tuple((Code(path), Bytes(2048)) for path in self.paths)
        return Document(
            (
                Note(f"Kept {len(self.paths)} paths", tone="good"),
                Table(("path", "size"), rows),
                Hint("Get it back", f"jupyter mlops restore {self.id}"),
            )
        )


def keep(
    ws: Workspace,
    paths: Annotated[tuple[str, ...], Arg("Files to keep.", metavar="PATH", complete="path")] = (),
    *,
    message: Annotated[str | None, Arg("Why.", metavar="TEXT", short="-m")] = None,
    limit: Annotated[int, Arg("How many.", metavar="N", short="-n")] = 10,
    share: Annotated[float | None, Arg("How much of it.")] = None,
    tag: Annotated[tuple[str, ...], Arg("A mark.", metavar="TAG", complete="branch")] = (),
    how: Annotated[Literal["fast", "safe"], Arg("In which way.")] = "safe",
    dry_run: Annotated[bool, Arg("Only say what would be done.", short="-d")] = False,
    links: Annotated[bool, Arg("Do not follow links.", short="-l")] = True,
) -> Kept:
    """Keep some files.

    They are kept for
    as long as you like.

        jupyter mlops keep data

    Raises:
        NotFoundError: never.
    """
    with ws.progress.task("keeping", 10) as task:
        task.advance(10)
    return Kept(
        id="k23456723456",
        paths=paths,
        message=message,
        limit=limit,
        share=share,
        tags=tag,
        how=how,
        dry_run=dry_run,
        links=links,
        root=str(ws.root),
        cells=ws.execution.cells,
        command=ws.execution.command,
        notebook=str(ws.execution.notebook) if ws.execution.notebook else None,
    )


@dataclass(frozen=True, slots=True)
class Said:
    """What ``say`` and others return."""

    text: str
    values: Mapping[str, float] = field(default_factory=dict)
    status: int = 0

    @property
    def exit_status(self) -> int:
        return self.status

    def describe(self) -> Document:
        return Document((Note(self.text),))


def say(here: Here, text: Annotated[str, Arg("What to say.")]) -> Said:
    """Say something."""
    return Said(text)


def rename(
    here: Here,
    old: Annotated[str, Arg("What it is called.", complete="tracked")],
    new: Annotated[Path, Arg("What it is to be called.")],
) -> Said:
    """Rename something."""
    return Said(f"{old} -> {new}")


def remove(
    here: Here, names: Annotated[tuple[str, ...], Arg("What to remove.", metavar="NAME")]
) -> Said:
    """Remove things."""
    return Said(f"removed {', '.join(names)}")


def keep_list(here: Here) -> Said:
    """List what is kept."""
    return Said("", {"loss": float("nan"), "acc": 0.5})


def fail(here: Here, how: Annotated[str, Arg("In which way.")] = "conflict") -> Said | None:
    """Fail in some way."""
    match how:
        case "conflict":
            hints = ("jupyter mlops restore data", "jupyter mlops status")
            raise ConflictError("data was changed by \x1b[31msomebody.", code="stale", hints=hints)
        case "missing":
            raise NotFoundError("There is nothing.")
        case "defect":
            raise KeyError("no such key")
        case "interrupt":
            raise KeyboardInterrupt
        case "memory":
            raise MemoryError
        case "findings":
            return Said("Two findings.", status=1)
        case "nothing":
            return None
        case "long":
            return Said("line\n" * 100_000)
        case "wait":
            sys.stderr.write("waiting\n")
            sys.stderr.flush()
            while True:
                sys.stdin.read(1)
    return Said("not at all")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A result with a picture."""

    points: int

    def describe(self) -> Document:
        return Document((Figure("Loss", "* *\n * ", lambda: "<svg></svg>"),))


def draw(here: Here) -> Drawn:
    """Draw something."""
    return Drawn(3)


def count(here: Here) -> int:
    """Return a number, which is no result."""
    return 3


def free(
    here: Here,
    words: Annotated[
        tuple[str, ...],
        Arg("Words.", metavar="[REVISION] [PATH…]", complete="branch", complete_rest="path"),
    ] = (),
) -> Said:
    """Take words as they come."""
    return Said(" ".join(words))


def _command(words: str, function: str, summary: str, *, magic: bool = False) -> Command:
    target = f"tests.support.sample_commands:{function}"
    return Command(tuple(words.split()), target, summary, magic=magic)


SAMPLES: tuple[Command, ...] = (
    _command("keep", "keep", "Keep some files.", magic=True),
    _command("keep list", "keep_list", "List what is kept."),
    _command("say", "say", "Say something."),
    _command("rename", "rename", "Rename something."),
    _command("things remove", "remove", "Remove things."),
    _command("things draw", "draw", "Draw something."),
    _command("fail", "fail", "Fail in some way."),
)

if __name__ == "__main__":
    sys.exit(main(commands=SAMPLES))
