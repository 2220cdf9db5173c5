"""One definition of each command, from which every surface is made.

A command is a plain function in a file of its own. Its signature is its grammar everywhere:
parameters before ``*`` are positional, those after it are options; the annotation of each is
``Annotated[TYPE, Arg(...)]``.

* ``TYPE`` is ``str``, ``int``, ``float``, ``Path``, a ``Literal`` of strings, one of these ``|
  None``, ``bool`` (options only), or ``tuple[str, ...]``: the last positional parameter may take
  all the words that are left, an option may be repeated. An option of the type ``tuple[str, ...] |
  None`` with the default None may stand alone, which is ``()``, or before the words that it takes.
* A parameter with a default may be left out; a tuple without a default wants at least one word.
* The first parameter is ``ws: Workspace``, or ``here: Here`` for a command that also runs outside
  of a project.
* The function returns a :class:`Result`, or None where there is nothing to show.
* The docstring's first line is the summary; the paragraphs after it, up to the first Google
  section, are its help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from jupyter_mlops.document import Document

Completion = Literal[
    "path", "tracked", "revision", "snapshot", "metric", "branch", "command", "none"
]

PROGRAM = "jupyter mlops"
"""What a person types before a command's words; hints begin with it."""


@dataclass(frozen=True, slots=True)
class Arg:
    """What a parameter's annotation adds to its type: help, how it is shown, what completes it.

    ``metavar`` is the word that stands for the value (``PATH``), the parameter's name in capitals
    by default; where it begins with ``[`` it is the whole grammar of the words. ``short`` is an
    option's one-letter form (``-m``). ``complete_rest`` completes the words after the first, where
    those are something else. ``rest`` is False for what makes sense only where the caller's own
    files are: REST does not have it.
    """

    help: str
    metavar: str | None = None
    short: str | None = None
    complete: Completion = "none"
    complete_rest: Completion | None = None
    rest: bool = True


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the table of commands.

    ``target`` is ``module:function``, imported when the command is first used; ``reads`` says
    that it changes nothing (a GET in REST); ``magic`` that its first word is a line magic of its
    own; ``saves_notebook`` that the notebook that it is called from is saved first, where a front
    end can do that; ``python`` is its name in the package, its words joined by ``_`` by default;
    ``rest`` that it has a route.
    """

    words: tuple[str, ...]
    target: str
    summary: str
    reads: bool = False
    magic: bool = False
    hidden: bool = False
    saves_notebook: bool = False
    python: str | None = None
    rest: bool = True

    @property
    def name(self) -> str:
        """The words as they are typed: ``snapshot list``."""
        return " ".join(self.words)

    @property
    def python_name(self) -> str:
        """The name in ``import jupyter_mlops``: ``snapshot_list``."""
        return self.python or "_".join(self.words).replace("-", "_")


@runtime_checkable
class Result(Protocol):
    """What a command returns: a frozen dataclass whose fields are its JSON.

    A result may have ``exit_status`` (an ``int`` property): 1 when a check or gate found
    something, 5 for damage.
    """

    def describe(self) -> Document:
        """Return what a person reads."""
        ...
