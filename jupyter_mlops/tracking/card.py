"""The card below a notebook's cell that shows a run while it goes on, updated in place."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from jupyter_mlops.metrics.curve import envelope
from jupyter_mlops.metrics.leading import leading_names
from jupyter_mlops.metrics.runs import Execution, open_runs
from jupyter_mlops.tracking.card_view import (
    CURVES_LIMIT,
    POINTS_LIMIT,
    Shown,
    render_html,
    render_text,
)
from jupyter_mlops.tracking.cells import call_after_cells, find_shell
from jupyter_mlops.tracking.run_files import RunFiles

_LOGGER = logging.getLogger("jupyter_mlops")

UPDATE_SECONDS = 0.5
TICK_SECONDS = 5.0
"""How often the time that a run takes is told anew where it logs nothing."""
_PAUSE_PER_UPDATE = 10

CARDS_LIMIT = 10
"""How many cards one cell has."""

Publish = Callable[[Mapping[str, str]], None]
"""Shows texts by their media types, in place of those that it showed before."""


class Card:
    """Shows one run, as its series says, from a thread of its own: logging does not wait for it.

    Nothing that goes wrong here is raised: there is no card then. While ``is_busy`` says that the
    cell goes on, the time that the run takes goes on too where it logs nothing.
    """

    def __init__(
        self,
        read: Callable[[float], Execution],
        publish: Publish,
        is_busy: Callable[[], bool] = lambda: False,
        time_seconds: Callable[[], float] = time.time,
    ) -> None:
        self._read = read
        self._publish = publish
        self._is_busy = is_busy
        self._time_seconds = time_seconds
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._shown: Any = None
        self._shown_at = 0.0
        self._update()
        threading.Thread(target=self._go_on, name="mlops-card", daemon=True).start()

    @property
    def is_closed(self) -> bool:
        """Whether it has shown its last."""
        return self._closed.is_set()

    def close(self) -> None:
        """Show the run as it stands now, for the last time; harmless when repeated."""
        if not self._closed.is_set():
            self._closed.set()
            self._update()

    def _go_on(self) -> None:
        pause_seconds = UPDATE_SECONDS
        while not self._closed.wait(pause_seconds):
            began = time.monotonic()
            self._update(from_thread=True)
            took_seconds = time.monotonic() - began
            pause_seconds = max(UPDATE_SECONDS, took_seconds * _PAUSE_PER_UPDATE)

    def _update(self, *, from_thread: bool = False) -> None:
        try:
            with self._lock:
                # What close has shown is the last word.
                if not (from_thread and self._closed.is_set()):
                    self._show()
        except Exception as error:
            # Training goes on without its card.
            self._closed.set()
            _LOGGER.debug("The card of a run cannot be shown: %r", error)

    def _show(self) -> None:
        now = self._time_seconds()
        execution = self._read(now)
        run = execution.run
        is_busy = self._is_busy()
        is_old = (run, is_busy) == self._shown
        if is_old and not (is_busy and now - self._shown_at >= TICK_SECONDS):
            return
        names = leading_names(run, {})
        leading, others = names[:CURVES_LIMIT], names[CURVES_LIMIT:]
        curves = [(name, envelope(*execution.points(name), POINTS_LIMIT)) for name in leading]
        shown = Shown(run, curves, others, now if is_busy else None)
        texts = {"text/plain": render_text(shown), "text/html": render_html(shown)}
        self._publish(texts)
        self._shown, self._shown_at = (run, is_busy), now


class Cards:
    """The cards of the cell that runs.

    Where a cell makes one run after the other of the same name, as a search does, they share one
    card; past :data:`CARDS_LIMIT` names there are no more.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._shown: dict[str, tuple[Card, Publish]] = {}
        self._ended = threading.Event()
        call_after_cells(shell, self._end)

    @property
    def is_over(self) -> bool:
        """Whether the cell has ended."""
        return self._ended.is_set()

    def show(self, name: str, read: Callable[[float], Execution]) -> Card | None:
        """Show a card of the run ``name``, None where there are too many."""
        earlier = self._shown.get(name)
        if earlier is not None and earlier[0].is_closed:
            publish = earlier[1]
        elif len(self._shown) < CARDS_LIMIT:
            publish = _make_display(self._shell)
        else:
            return None
        card = Card(read, publish, lambda: not self.is_over)
        self._shown[name] = card, publish
        return card

    def _end(self, _: BaseException | None) -> bool:
        self._ended.set()
        return False


_cards: Cards | None = None


def show_card(files: RunFiles) -> Card | None:
    """Show a card of the run below the cell that runs; None where nobody could see it.

    That is outside of a kernel (a terminal shows no pictures), and outside of a project.
    """
    global _cards
    runs_dir = files.place.runs_dir
    try:
        shell = find_shell()
        if runs_dir is None or getattr(shell, "kernel", None) is None:
            return None
        if _cards is None or _cards.is_over:
            _cards = Cards(shell)
        runs, execution = open_runs(runs_dir), files.execution
        return _cards.show(
            execution.run,
            lambda now_seconds: runs.read_execution(execution.run, execution.id, now_seconds),
        )
    except Exception as error:
        _LOGGER.debug("A run has no card: %r", error)
        return None


def _make_display(shell: Any) -> Publish:
    transient = {"display_id": f"mlops-{uuid4().hex}"}
    is_shown = False

    def publish(texts: Mapping[str, str]) -> None:
        nonlocal is_shown
        shell.display_pub.publish(dict(texts), {}, transient=transient, update=is_shown)
        is_shown = True

    return publish
