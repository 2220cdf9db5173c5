"""W&B's runs as runs of this project."""

from __future__ import annotations

import fnmatch
import glob as globbing
import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from jupyter_mlops import tracking
from jupyter_mlops.compat.stand_in import StandIn, guarded, tell_once, unsupported
from jupyter_mlops.compat.wandb.mappings import Config, Summary, to_mapping
from jupyter_mlops.compat.wandb.media import Artifact, Histogram, Html, Image, Table
from jupyter_mlops.tracking.names import is_in_kernel
from jupyter_mlops.tracking.values import iter_flat, to_number

_BEST = {"max": max, "min": min}
_MEDIA = (Image, Table, Histogram, Html)


class Run:
    """A run; the one that is current takes what the module's functions log.

    ``step`` counts up with each call of :meth:`log` that ends a step, from 0.
    """

    def __init__(
        self,
        run: tracking.Run | None,
        *,
        name: str,
        project: str | None = None,
        entity: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
    ) -> None:
        self.run = run
        self.name = name
        self.id = name
        self.project = project
        self.entity = entity
        self.group = group
        self.job_type = job_type
        self.step = int(run.following_step) if run is not None else 0
        self.resumed = self.step > 0
        self.config = Config(self._log_params)
        self.summary = Summary(self._set_last)
        self._steps: list[tuple[str, str]] = []
        self._best: list[tuple[str, str]] = []
        self._seen: dict[str, Any] = {}
        self._extremes: dict[str, tuple[Any, Any]] = {}

    def __getattr__(self, name: str) -> StandIn:
        if name.startswith("_"):
            raise AttributeError(name)
        return unsupported(f"wandb.Run.{name}")

    @property
    def disabled(self) -> bool:
        """Whether nothing is logged, as ``mode="disabled"`` says."""
        return self.run is None

    @property
    def url(self) -> None:
        """None: a run has no address."""

    @property
    def dir(self) -> str:
        """The current folder: scripts write there, and :meth:`save` keeps copies."""
        return os.getcwd()

    @guarded
    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None
    ) -> None:
        """Log metrics, images, tables and so on at one step.

        Without ``step`` they belong to the current one, which then ends, unless ``commit`` is
        False. With a step it becomes the current one and goes on, unless ``commit`` is True; a step
        before the current one is logged all the same.
        """
        at = self.step if step is None else step
        numbers: dict[str, Any] = {}
        for key, value in iter_flat({str(key): value for key, value in data.items()}):
            number = to_number(value)
            if number is not None:
                numbers[key] = number
            else:
                self._log_other(key, value, at)
        self._log_numbers(numbers, at)
        is_done = step is None if commit is None else commit
        self.step = max(self.step, int(at)) + (1 if is_done else 0)

    @guarded
    def define_metric(
        self,
        name: Any,
        step_metric: Any = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        overwrite: bool | None = None,
    ) -> Any:
        """Say which metric is the step of others, and whether the largest or smallest is kept.

        ``name`` may hold ``*``. With a summary of ``max`` or ``min`` the run ends with one more
        metric, ``NAME.max`` or ``NAME.min``.
        """
        if step_metric is not None:
            self._steps.append((str(name), str(getattr(step_metric, "name", step_metric))))
        for word in (summary or "").split(","):
            if word.strip() in _BEST:
                self._best.append((str(name), word.strip()))
            elif word.strip() not in ("", "last", "none", "copy"):
                unsupported(f"wandb.define_metric(summary={word.strip()!r})", "the last counts")
        return _Defined(str(name))

    @guarded
    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run, as failed where ``exit_code`` is not 0."""
        if _current and _current[-1] is self:
            _current.pop()
        if self.run is not None:
            best = {
                f"{key}.{word}": _BEST[word](values)
                for key, values in self._extremes.items()
                for pattern, word in self._best
                if fnmatch.fnmatchcase(key, pattern)
            }
            if best:
                self.run.log(best, step=self.step)
            self.run.end(RuntimeError(f"exit code {exit_code}") if exit_code else None)

    @guarded
    def save(
        self, glob_str: Any, base_path: Any = None, policy: str = "live", glob: bool = True
    ) -> list[str]:
        """Keep copies of the files that match, as they are now; return their paths."""
        text = os.fspath(glob_str)
        paths = sorted(globbing.glob(text)) if glob else [text]
        base = os.fspath(base_path) if base_path is not None else os.path.dirname(text)
        for path in paths:
            if self.run is not None:
                self.run.log_artifact(path, os.path.relpath(path, base or os.curdir))
        return paths

    @guarded
    def log_artifact(
        self,
        artifact_or_path: Any,
        name: str | None = None,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
    ) -> Artifact:
        """Keep copies of an artifact's files, or of a file or folder, as they are now."""
        artifact = artifact_or_path
        if not isinstance(artifact, Artifact):
            path = os.fspath(artifact_or_path)
            artifact = Artifact(name or os.path.basename(os.path.abspath(path)), type or "file")
            add = artifact.add_dir if os.path.isdir(path) else artifact.add_file
            add(path)
        artifact.aliases.extend(aliases or ())
        for path, inner in artifact.files:
            if self.run is not None:
                self.run.log_artifact(path, f"{artifact.name}/{inner}" if inner else artifact.name)
        return artifact

    def log_model(
        self, path: Any, name: str | None = None, aliases: Sequence[str] | None = None
    ) -> None:
        """Keep copies of a model's files."""
        self.log_artifact(path, name, "model", aliases)

    def use_artifact(
        self,
        artifact_or_name: Any,
        type: str | None = None,
        aliases: Sequence[str] | None = None,
        use_as: str | None = None,
    ) -> StandIn:
        """Tell that artifacts are not fetched."""
        return unsupported("wandb.use_artifact", "read tracked data by jupyter_mlops.open")

    def use_model(self, name: str) -> StandIn:
        """Tell that models are not fetched."""
        return unsupported("wandb.use_model", "read tracked data by jupyter_mlops.open")

    def log_code(self, *args: Any, **options: Any) -> None:
        """Do nothing: a snapshot keeps the code."""

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: Any = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Tell that gradients are not logged."""
        unsupported("wandb.watch", "gradients and weights are not logged")

    def unwatch(self, models: Any = None) -> None:
        """Do nothing, as nothing is watched."""

    @guarded
    def alert(self, title: str, text: str, level: Any = None, wait_duration: Any = None) -> None:
        """Add a note; nobody is written to."""
        if self.run is not None:
            self.run.log_note(f"{title}: {text}")

    def mark_preempting(self) -> None:
        """Do nothing: what was logged is there, whatever becomes of the process."""

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish(0 if error is None else 1)

    def _log_params(self, values: Mapping[str, Any]) -> None:
        if self.run is not None:
            self.run.log_params(values)

    def _set_last(self, values: Mapping[str, Any]) -> None:
        texts = [key for key, value in values.items() if to_number(value) is None]
        if texts:
            tell_once(f"The summary holds numbers; {texts[0]!r} is none, and is not kept.")
        numbers = {key: value for key, value in values.items() if key not in texts}
        if self.run is not None and numbers:
            self.run.log(numbers, step=self.step)

    def _log_numbers(self, numbers: dict[str, Any], at: int) -> None:
        self._seen.update(numbers)
        self.summary.note(numbers)
        by_step: dict[Any, dict[str, Any]] = {}
        for key, value in numbers.items():
            by_step.setdefault(self._step_of(key, at), {})[key] = value
            if any(fnmatch.fnmatchcase(key, pattern) for pattern, _ in self._best):
                lowest, highest = self._extremes.get(key, (value, value))
                self._extremes[key] = (min(lowest, value), max(highest, value))
        if self.run is not None:
            for step, values in by_step.items():
                self.run.log(values, step=step)

    def _step_of(self, key: str, at: int) -> Any:
        for pattern, metric in self._steps:
            if key != metric and fnmatch.fnmatchcase(key, pattern) and metric in self._seen:
                return self._seen[metric]
        return at

    def _log_other(self, key: str, value: Any, at: int) -> None:
        run = self.run
        if run is None or isinstance(value, StandIn) or value is None:
            return
        match value:
            case Image():
                name = f"{key} {value.caption}" if value.caption else key
                if hasattr(value.image, "savefig"):
                    run.log_figure(name, value.image, at)
                else:
                    run.log_image(name, value.image, at)
            case Table() | Histogram():
                run.log_table(key, value.rows(), at)
            case Html():
                run.log_text(f"{key}.html", value.html, at)
            case str() | bytes():
                tell_once(f"Metrics are numbers; {key!r} is text, and is not kept.")
            case list() | tuple() if value and all(isinstance(one, _MEDIA) for one in value):
                for place, one in enumerate(value):
                    self._log_other(f"{key}-{place}", one, at)
            case _ if hasattr(value, "itertuples"):
                run.log_table(key, value, at)
            case _ if hasattr(value, "gcf"):
                run.log_figure(key, value.gcf(), at)
            case _ if hasattr(value, "savefig") or hasattr(value, "to_html"):
                run.log_figure(key, value, at)
            case _ if hasattr(value, "tolist"):
                run.log_table(key, Histogram([value.tolist()]).rows(), at)
            case _:
                kind = type(value).__name__
                tell_once(f"What is logged as {key!r} is a {kind}, and is not kept.")


class _Defined:
    """What :meth:`Run.define_metric` returns."""

    def __init__(self, name: str) -> None:
        self.name = name


_current: list[Run] = []


def current_run() -> Run | None:
    """Return the run that logs now, None where there is none."""
    return _current[-1] if _current else None


def or_begin() -> Run:
    """Return the run that logs now; where there is none, one begins."""
    return current_run() or init()


@guarded
def init(
    entity: str | None = None,
    project: str | None = None,
    dir: Any = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: Any = None,
    resume: Any = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Any = None,
    anonymous: Any = None,
) -> Run:
    """Begin a run, and make it the current one; one that goes on is ended first.

    With ``mode="disabled"``, or the variable ``WANDB_MODE``, nothing is logged.
    """
    former = current_run()
    if former is not None:
        if _returns_former(reinit):
            return former
        if reinit != "create_new":
            former.finish()
    mode = mode or getattr(settings, "mode", None) or os.environ.get("WANDB_MODE")
    is_resumed = resume not in (None, False, "never")
    begun = None if mode == "disabled" else tracking.run(name or id, resume=is_resumed)
    run = Run(
        begun,
        name=begun.name if begun is not None else name or "disabled",
        project=project,
        entity=entity,
        group=group,
        job_type=job_type,
    )
    _current.append(run)
    if begun is not None:
        words = [one for one in (project, group, job_type) if one]
        if words or tags:
            begun.log_tags(*words, *([tags] if isinstance(tags, str) else tags or ()))
        if notes:
            begun.log_note(notes)
    if tensorboard or sync_tensorboard:
        unsupported("wandb.init(sync_tensorboard=True)", "TensorBoard's files stay as they are")
    given = to_mapping(config) if config is not None else {}
    if config_include_keys:
        given = {key: value for key, value in given.items() if key in config_include_keys}
    run.config.update({k: v for k, v in given.items() if k not in (config_exclude_keys or ())})
    return run


def _returns_former(reinit: Any) -> bool:
    """Return whether a run that goes on is not to be ended: by default outside of notebooks."""
    if reinit in (None, False, "default"):
        return not is_in_kernel()
    return bool(reinit == "return_previous")


@guarded
def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run, if there is one."""
    run = current_run()
    if run is not None:
        run.finish(exit_code)
