"""What changes for those who had nbstripout, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.notebooks.strip import resolve_settings


def describe_replaced(repo: Repository) -> Iterator[str]:
    """Yield what to know once notebooks go through our filter, which went through nbstripout."""
    settings = read_nbstripout_settings(repo)
    yield (
        "Took over from nbstripout. Its rules and settings stay as they are: with our line taken"
        " out of the files of attributes it is back."
    )
    if any(settings):
        yield "What is stripped and kept is as filter.nbstripout in Git's configuration says."
    if "--keep-id" not in settings[2]:
        yield (
            "Cell ids stay, which nbstripout numbers anew; notebooks whose ids it changed are"
            " modified once for Git."
        )
    if len(resolve_settings(*settings).options.drop_tagged_cells) > 1:
        yield "Cells with any of the tags in --drop-tagged-cells are dropped; it takes the last."
