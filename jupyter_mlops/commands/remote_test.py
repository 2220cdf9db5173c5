"""The command ``remote test``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.remote import choose_known
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Hint, Note, Table
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.storage.canary import Trial, check_backend
from jupyter_mlops.sync.places import open_place

_NOT_NEEDED = ("put only if new",)


@dataclass(frozen=True, slots=True)
class TrialResult:
    """One thing that was tried: ``failure`` says why it does not work, null where it does."""

    ability: str
    failure: str | None


@dataclass(frozen=True, slots=True)
class RemoteTestResult:
    """What a remote can do; ``works`` says that pushing and pulling will work."""

    name: str
    url: str
    works: bool
    trials: tuple[TrialResult, ...]
    hints: tuple[str, ...] = ()

    def describe(self) -> Document:
        """Return what was tried, and what is missing."""
        line = "can be pushed to and pulled from" if self.works else "cannot be pushed to"
        blocks: list[Block] = [
            Note(f"{self.name}, {self.url}, {line}.", "good" if self.works else "bad")
        ]
        rows = tuple((one.ability, one.failure or "yes") for one in self.trials)
        blocks.append(Table(("tried", "works"), rows))
        blocks += [Hint("Mend it", hint) for hint in self.hints]
        return Document(tuple(blocks))


def remote_test(
    ws: Workspace,
    name: Annotated[
        str | None, Arg("Its name in mlops.toml; the default by default.", metavar="NAME")
    ] = None,
    *,
    yes: Annotated[bool, Arg("Let this project use the place from now on.")] = False,
) -> RemoteTestResult:
    """Try what a remote can do, and say what is missing.

    It writes, reads, lists and deletes an object that means nothing. With --yes a place that you
    have not used before is used from now on.
    """
    named = choose_known(ws, name, yes=yes)
    with open_place(named) as backend:
        trials = check_backend(backend)
    failures = [one for one in trials if one.failure is not None]
    works = all(one.ability in _NOT_NEEDED for one in failures)
    errors = [one.failure for one in failures if isinstance(one.failure, MlopsError)]
    hints = dict.fromkeys(hint for error in errors for hint in error.hints)
    return RemoteTestResult(
        named.name, named.url, works, tuple(_result(one) for one in trials), tuple(hints)
    )


def _result(trial: Trial) -> TrialResult:
    failure = trial.failure
    told = failure.message if isinstance(failure, MlopsError) else failure
    return TrialResult(trial.ability, told)
