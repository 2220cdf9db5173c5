"""The command ``plots diff``."""

from __future__ import annotations

from typing import Annotated

from jupyter_mlops.commands.number_trees import Old
from jupyter_mlops.commands.plot_results import Html, PlotsResult, make_result
from jupyter_mlops.commands.plot_sides import PlotNames, read_sides
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace


def plots_diff(
    ws: Workspace,
    old: Old = None,
    new: Annotated[
        tuple[str, ...],
        Arg("The same, up to seven; the working tree by default.", "NEW", complete="revision"),
    ] = (),
    *,
    plot: PlotNames = (),
    html: Html = None,
) -> PlotsResult:
    """Draw the plots of revisions over each other.

    Lines of each revision have a colour, a marker and a dash of their own; images stand side by
    side; confusion matrices are also subtracted. Plots that are the same in all are left out,
    unless --plot names them.
    """
    revisions = ("HEAD" if old is None else old, *(new or (None,)))
    sides, plots = read_sides(ws, revisions, plot)
    return make_result(ws, sides, plots, html, hide_same=not plot)
