"""nbstripout's own command line over many notebooks, in one process that is started once."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from nbstripout._nbstripout import main as nbstripout


def strip_with_nbstripout(
    folder: Path,
    calls: Iterable[tuple[bytes, Sequence[str]]],
    *,
    env: Mapping[str, str] | None = None,
) -> list[bytes | None]:
    """Return what the command makes of each notebook with its options, ids kept; None: it fails.

    Files are written in ``folder``, which the command runs in. Without ``env`` it finds no Git, and
    so no settings.
    """
    jobs: list[tuple[str, Sequence[str]]] = []
    for number, (content, options) in enumerate(calls):
        path = folder / f"{number}.ipynb"
        path.write_bytes(content)
        jobs.append((path.name, options))
    subprocess.run(
        [sys.executable, "-m", "tests.support.nbstripout_peer"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PATH": ""} if env is None else env,
        input=json.dumps([str(folder), jobs]).encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    results = [folder / f"{name}.stripped" for name, _ in jobs]
    return [result.read_bytes() if result.exists() else None for result in results]


class _Printed(io.BytesIO):
    """Outlives the streams that the command puts around it."""

    def close(self) -> None:
        """Stay open."""


def _main() -> None:
    folder, jobs = json.load(sys.stdin)
    os.chdir(folder)
    for name, options in jobs:
        printed = _Printed()
        sys.stdin, sys.stdout = None, io.TextIOWrapper(printed)
        sys.argv = ["nbstripout", *options, "--keep-id", "--textconv", name]
        try:
            nbstripout()
        except (Exception, SystemExit):
            continue
        Path(f"{name}.stripped").write_bytes(printed.getvalue())


if __name__ == "__main__":
    _main()
