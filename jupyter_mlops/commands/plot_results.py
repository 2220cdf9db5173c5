"""What ``plots show`` and ``plots diff`` return and show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.number_trees import spell
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Document, Figure, Hint, Note
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.plots.drawing import DrawnPlot, PlotSide
from jupyter_mlops.plots.page import render_fragment, render_page
from jupyter_mlops.plots.read import PlotProblem, Plots
from jupyter_mlops.plots.text import render_text
from jupyter_mlops.units import plural

Html = Annotated[
    Path | None,
    Arg(
        "Also write the plots to this file, which needs no network.",
        "FILE",
        complete="path",
        rest=False,
    ),
]

_HOW_TO_PLOT = (
    Note("A project draws the files in plots/, or those that [[plot]] in mlops.toml names."),
    Hint(
        "To draw what a run logged, put into mlops.toml",
        '[[plot]] run = "train"',
    ),
)


@dataclass(frozen=True, slots=True)
class PlotsResult:
    """Plots over one revision or several; ``html`` is the page that was written.

    ``unchanged`` names plots that all revisions have alike, which a comparison leaves out.
    """

    revisions: tuple[PlotSide, ...]
    plots: tuple[DrawnPlot, ...]
    unchanged: tuple[str, ...] = ()
    problems: tuple[PlotProblem, ...] = ()
    html: str | None = None

    def describe(self) -> Document:
        """Return the plots, and what was left out."""
        blocks: list[Block] = []
        if self.html is not None:
            blocks.append(Note(f"The plots are in {self.html}.", "good"))
        if self.plots:
            text = render_text(self.revisions, self.plots)
            html = partial(render_fragment, self.revisions, self.plots)
            blocks.append(Figure(self._title(), text, html))
        elif self.unchanged:
            count = plural(len(self.unchanged), "plot")
            blocks.append(Note(f"No plot differs between {self._names()}, of {count}."))
        elif not self.problems:
            blocks += [Note(f"There is nothing to draw in {self._names()}."), *_HOW_TO_PLOT]
        if self.plots and self.unchanged:
            blocks.append(Note(f"The same in all: {', '.join(self.unchanged)}.", "quiet"))
        for problem in self.problems:
            blocks += _describe_problem(problem)
        return Document(tuple(blocks))

    def render_page(self) -> str:
        """Return the plots as one HTML page that needs no network."""
        return render_page(self._title(), self.revisions, self.plots)

    def _title(self) -> str:
        return f"{plural(len(self.plots), 'plot')} of {self._names()}"

    def _names(self) -> str:
        return _join([spell(side.revision) for side in self.revisions])


def make_result(
    ws: Workspace, sides: Sequence[PlotSide], plots: Plots, html: Path | None, *, hide_same: bool
) -> PlotsResult:
    """Return the result, and write its page where ``html`` says.

    Raises:
        ConflictError: a folder, or a link, stands there.
        UnavailableError: the disk refuses.
    """
    target = None if html is None else Path(os.path.normpath(ws.cwd / html))
    result = PlotsResult(
        revisions=tuple(sides),
        plots=tuple(one for one in plots.drawings if not (hide_same and one.same)),
        unchanged=tuple(one.title for one in plots.drawings if hide_same and one.same),
        problems=plots.problems,
        html=None if target is None else str(target),
    )
    if target is not None:
        WorkTree(target.parent).write_file(target.name, result.render_page().encode("utf-8"))
    return result


def _join(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _describe_problem(problem: PlotProblem) -> list[Block]:
    names = [spell(revision) for revision in problem.revisions]
    where = f" at {_join(names)}" if any(problem.revisions) else ""
    blocks: list[Block] = [Note(f"Left out {problem.name}{where}: {problem.why}.", "warning")]
    if problem.hint is not None:
        blocks.append(Hint("To mend it", problem.hint))
    return blocks
