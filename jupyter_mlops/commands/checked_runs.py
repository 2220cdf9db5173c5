"""What running notebooks for a check does to their project, and what it needs first: data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from jupyter_mlops.commands.fetch import run_fetch
from jupyter_mlops.commands.metrics_stamps import Stamps, stamp_files
from jupyter_mlops.commands.number_files import metric_files
from jupyter_mlops.commands.number_trees import logged_tree
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.metrics.read import Number, read_metrics, split_name
from jupyter_mlops.notebooks.outputs import attach_outputs, decode_outputs
from jupyter_mlops.notebooks.strip import resolve_settings, strip
from jupyter_mlops.objects.outputs import read_outputs
from jupyter_mlops.reports.tolerance import parse_tolerance
from jupyter_mlops.snapshots.restore import restore_data
from jupyter_mlops.snapshots.states import State
from jupyter_mlops.snapshots.status import read_status
from jupyter_mlops.sync.scope import Scope


class ProjectRuns:
    """The runs of notebooks of one project in one check; for one thread."""

    def __init__(self, ws: Workspace, *, yes: bool = False) -> None:
        self._ws = ws
        self._yes = yes
        self._before: Stamps | None = None
        self._values: dict[str, list[Number]] = {}

    @property
    def measures_noise(self) -> bool:
        """Whether a gate wants to know how much its metric varies."""
        tolerances = map(parse_tolerance, (gate.tolerance for gate in self._ws.config.gates))
        return any(one is not None and one.unit == "sd" for one in tolerances)

    def prepare(self) -> tuple[str, ...]:
        """Bring tracked data that is missing, once, and return what could not be had, in words.

        Nothing that is here is overwritten.
        """
        if self._before is not None:
            return ()
        notes = self._bring_data()
        self._before = stamp_files(self._ws)
        return notes

    def _bring_data(self) -> tuple[str, ...]:
        ws = self._ws
        try:
            missing = [one.path for one in read_status(ws, ()) if one.state is State.MISSING]
            if not missing:
                return ()
            if ws.config.remotes:
                _, problem = run_fetch(ws, Scope(paths=tuple(missing)), None, None, yes=self._yes)
                if problem is not None:
                    raise problem
            restore_data(ws, None, missing, command=("check-notebooks",))
        except MlopsError as error:
            return (f"Data was not brought before the run: {error.message}",)
        return ()

    def list_written(self) -> frozenset[str]:
        """Return the metrics files that were written since :meth:`prepare`."""
        if self._before is None:
            return frozenset()
        after = stamp_files(self._ws)
        return frozenset(path for path, stamp in after.items() if self._before.get(path) != stamp)

    def read_values(self) -> Mapping[str, Number]:
        """Return the metrics of the files that were written, and count them as one run."""
        config = self._ws.config
        tree = logged_tree(self._ws, config.metrics.files)
        read = read_metrics(tree, metric_files(config, tree)).values
        written = self.list_written()
        values = {name: value for name, value in read.items() if split_name(name)[0] in written}
        for name, value in values.items():
            self._values.setdefault(name, []).append(value)
        return values

    def repeats(self) -> Mapping[str, Sequence[Number]]:
        """Return what each metric came to in all runs of this check."""
        return self._values

    def join_outputs(self, content: bytes) -> bytes:
        """Return the notebook ``content`` with the outputs that the store has of this very code.

        As it is, where the store has none.
        """
        settings = resolve_settings(*read_nbstripout_settings(self._ws.git))
        stripped = strip(content, settings)
        with suppress(MlopsError):
            payload = read_outputs(self._ws.store, hash_bytes(stripped.notebook))
            if payload is not None:
                return attach_outputs(stripped.notebook, decode_outputs(payload))
        return content
