"""The command ``plots show``."""

from __future__ import annotations

from typing import Annotated

from jupyter_mlops.commands.plot_results import Html, PlotsResult, make_result
from jupyter_mlops.commands.plot_sides import PlotNames, read_sides
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace


def plots_show(
    ws: Workspace,
    revision: Annotated[
        str | None,
        Arg("Commit, branch, tag or snapshot; the working tree by default.", complete="revision"),
    ] = None,
    *,
    plot: PlotNames = (),
    html: Html = None,
) -> PlotsResult:
    """Draw the plots of a revision.

    They are what [[plot]] in mlops.toml names, or else the tables and images in plots/: files that
    Git has, tracked data that is here or on the remote, and series that runs logged.
    """
    sides, plots = read_sides(ws, (revision,), plot)
    return make_result(ws, sides, plots, html, hide_same=False)
