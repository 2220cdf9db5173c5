"""Whether the remotes of a project answer, asked for a few seconds only."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence

from jupyter_mlops.commands.remote import choose_known
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError, NotFoundError, UsageError
from jupyter_mlops.storage.failures import host_unreachable
from jupyter_mlops.sync.listing import FORMAT_OBJECT
from jupyter_mlops.sync.places import Named, choose_configured, open_place

TRIAL_SECONDS = 5.0
"""How long remotes are waited for, all of them together."""

_EMPTY = "remote-object-missing"


def find_remote_failures(ws: Workspace) -> Iterator[MlopsError]:
    """Yield what stands in the way of using each remote; one object is asked for at each.

    A place that the user has not used before is named and not asked.
    """
    known: list[Named] = []
    for name in ws.config.remotes:
        try:
            known.append(choose_known(ws, name, yes=False))
        except MlopsError as error:
            yield error
    yield from _ask(ws, known)
    try:
        if ws.config.remotes:
            choose_configured(ws.config, None)
    except UsageError as error:
        yield error


def _ask(ws: Workspace, remotes: Sequence[Named]) -> Iterator[MlopsError]:
    answers: queue.SimpleQueue[tuple[Named, BaseException | None]] = queue.SimpleQueue()
    for named in remotes:
        threading.Thread(target=_try, args=(named, answers), daemon=True).start()
    waiting = dict.fromkeys(remotes)
    until_seconds = ws.clock.monotonic_seconds() + TRIAL_SECONDS
    while waiting:
        try:
            left_seconds = max(0.0, until_seconds - ws.clock.monotonic_seconds())
            named, failure = answers.get(timeout=left_seconds)
        except queue.Empty:
            break
        del waiting[named]
        if isinstance(failure, MlopsError):
            yield failure
        elif failure is not None:
            raise failure
    for named in waiting:
        yield host_unreachable(named.url, f"no answer came in {TRIAL_SECONDS:.0f} seconds")


def _try(named: Named, answers: queue.SimpleQueue[tuple[Named, BaseException | None]]) -> None:
    failure: BaseException | None = None
    try:
        with open_place(named, give_up_seconds=TRIAL_SECONDS) as backend:
            backend.read(FORMAT_OBJECT)
    except NotFoundError as error:
        failure = error if error.code != _EMPTY else None
    except BaseException as error:  # it is raised where the answer is waited for
        failure = error
    answers.put((named, failure))
